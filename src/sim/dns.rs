//! The world's DNS server: the registry's names, as a resolver in the VPC answers them, over UDP
//! and TCP on an unprivileged port.

use super::nodes::struck;
use super::state::Shared;
use super::world::{Resolved, Zones};
use hickory_proto::op::{Message, MessageType, OpCode, ResponseCode};
use hickory_proto::rr::rdata::{A, SOA};
use hickory_proto::rr::{Name, RData, Record, RecordType};
use std::io::ErrorKind;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Weak;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UdpSocket};

/// A UDP answer without EDNS is at most so long (RFC 1035, 4.2.1).
const UDP_MAX: usize = 512;
/// How often a port is looked for that is free for both.
const TRIES: u32 = 50;
/// A TCP connection on which nothing comes is closed after this long.
const IDLE: Duration = Duration::from_secs(10);

/// A server with its sockets.
pub(super) struct Resolver {
    udp: UdpSocket,
    tcp: TcpListener,
    /// Where it is.
    pub(super) address: SocketAddr,
}

/// What becomes of a question.
enum Said {
    Answer(Message, Duration),
    Nothing,
}

impl Resolver {
    /// Takes a port that is free for UDP and TCP.
    pub(super) async fn open(ip: IpAddr) -> std::io::Result<Self> {
        let mut last = std::io::Error::from(ErrorKind::AddrInUse);
        for _ in 0..TRIES {
            let tcp = TcpListener::bind((ip, 0)).await?;
            let address = tcp.local_addr()?;
            match UdpSocket::bind(address).await {
                Ok(udp) => return Ok(Self { udp, tcp, address }),
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    /// Answers until it is dropped.
    pub(super) async fn serve(self, world: Weak<Shared>) {
        let mut packet = [0; 1_500];
        let udp = std::sync::Arc::new(self.udp);
        loop {
            tokio::select! {
                got = udp.recv_from(&mut packet) => {
                    // An error here is of an answer that went nowhere (a client that left).
                    let Ok((length, from)) = got else { continue };
                    let Ok(question) = Message::from_vec(&packet[..length]) else { continue };
                    tokio::spawn(by_udp(udp.clone(), from, question, world.clone()));
                }
                got = self.tcp.accept() => {
                    let Ok((stream, _)) = got else { continue };
                    tokio::spawn(by_tcp(stream, world.clone()));
                }
            }
        }
    }
}

async fn by_udp(
    udp: std::sync::Arc<UdpSocket>,
    from: SocketAddr,
    question: Message,
    world: Weak<Shared>,
) {
    let Said::Answer(answer, delay) = answer(&question, &world, true) else { return };
    tokio::time::sleep(delay).await;
    let Ok(mut bytes) = answer.to_vec() else { return };
    if bytes.len() > UDP_MAX {
        let Ok(short) = answer.truncate().to_vec() else { return };
        bytes = short;
    }
    // Whoever asked may have left.
    let _sent = udp.send_to(&bytes, from).await;
}

async fn by_tcp(mut stream: TcpStream, world: Weak<Shared>) {
    // A connection that ends, or says what cannot be read, has nobody to be told.
    while let Ok(Some(question)) = read_tcp(&mut stream).await {
        let Said::Answer(answer, delay) = answer(&question, &world, false) else {
            tokio::time::sleep(IDLE).await;
            return;
        };
        tokio::time::sleep(delay).await;
        let Ok(bytes) = answer.to_vec() else { return };
        let Ok(length) = u16::try_from(bytes.len()) else { return };
        let framed = [&length.to_be_bytes()[..], &bytes].concat();
        if stream.write_all(&framed).await.is_err() {
            return;
        }
    }
}

async fn read_tcp(stream: &mut TcpStream) -> std::io::Result<Option<Message>> {
    let read = async {
        let length = stream.read_u16().await?;
        let mut bytes = vec![0; usize::from(length)];
        stream.read_exact(&mut bytes).await?;
        Ok(Message::from_vec(&bytes).ok())
    };
    tokio::time::timeout(IDLE, read).await.unwrap_or(Ok(None))
}

/// Answers a question, or does not.
fn answer(question: &Message, world: &Weak<Shared>, udp: bool) -> Said {
    let (Some(query), Some(shared)) = (question.queries().first(), world.upgrade()) else {
        return Said::Nothing;
    };
    let mut answer = Message::new();
    answer
        .set_id(question.id())
        .set_message_type(MessageType::Response)
        .set_op_code(OpCode::Query)
        .set_recursion_desired(question.recursion_desired())
        .set_recursion_available(true)
        .add_query(query.clone());
    let text = query.name().to_lowercase().to_ascii();
    let text = text.trim_end_matches('.');
    let call = format!("dns:{}", query.query_type());
    let (fault, found, zones) = shared.look(|state| {
        let fault = struck(state, &call, |_| text.to_owned());
        (fault, state.world.resolve_name(text), state.world.dns)
    });
    let late = match &fault {
        Some(one) if one.kind == "latency" => one.delay,
        _ => Duration::ZERO,
    };
    let mut told = Told { answer: &mut answer, name: query.name().clone(), zones };
    let kind = fault.as_ref().map_or("", |one| one.kind.as_str());
    match (kind, found) {
        ("hang", _) => return Said::Nothing,
        ("servfail" | "error", _) => {
            told.answer.set_response_code(ResponseCode::ServFail);
        }
        ("throttle" | "deny", _) => {
            told.answer.set_response_code(ResponseCode::Refused);
        }
        ("truncated", _) if udp => {
            told.answer.set_truncated(true);
        }
        ("nxdomain", Resolved::Zone(zone) | Resolved::Addresses(zone, _)) => told.no_name(&zone),
        ("lie", _) => told.addresses(fault.as_ref().map_or(&[], |one| &one.answer)),
        (_, found) => told.found(query.query_type(), found),
    }
    Said::Answer(answer, late)
}

/// An answer being written.
struct Told<'a> {
    answer: &'a mut Message,
    name: Name,
    zones: Zones,
}

impl Told<'_> {
    fn found(&mut self, wanted: RecordType, found: Resolved) {
        match found {
            Resolved::Addresses(_, all) if wanted == RecordType::A && !all.is_empty() => {
                self.addresses(&all);
            }
            // The name is there, and has no such record (now).
            Resolved::Addresses(zone, _) => self.authority(&zone),
            Resolved::Zone(zone) if wanted == RecordType::SOA => {
                let record = soa(&zone, self.zones);
                self.answer.add_answers(record);
            }
            Resolved::Zone(zone) => self.authority(&zone),
            Resolved::NoSuchName(zone) => self.no_name(&zone),
            Resolved::Elsewhere => {
                self.answer.set_response_code(ResponseCode::Refused);
            }
        }
    }

    fn addresses(&mut self, all: &[Ipv4Addr]) {
        for one in all {
            let data = RData::A(A(*one));
            let record = Record::from_rdata(self.name.clone(), self.zones.ttl, data);
            self.answer.add_answer(record);
        }
    }

    fn no_name(&mut self, zone: &str) {
        self.answer.set_response_code(ResponseCode::NXDomain);
        self.authority(zone);
    }

    /// The zone's record, which says how long an absence may be kept.
    fn authority(&mut self, zone: &str) {
        if let Some(record) = soa(zone, self.zones) {
            self.answer.add_name_server(record);
        }
    }
}

/// A zone's own record, with Route 53's figures.
fn soa(zone: &str, zones: Zones) -> Option<Record> {
    let name = |text: &str| Name::from_ascii(text).ok();
    let (server, mail) =
        (name("ns-1536.awsdns-00.co.uk.")?, name("awsdns-hostmaster.amazon.com.")?);
    let data = SOA::new(server, mail, 1, 7_200, 900, 1_209_600, 86_400);
    Some(Record::from_rdata(name(&format!("{zone}."))?, zones.negative_ttl, RData::SOA(data)))
}
