//! The resolver against a DNS server of our own on loopback, which answers, lies, fails and keeps
//! silent as told.

use super::*;
use crate::clock::Clock;
use crate::core::source::Source;
use crate::sources::pace::Bucket;
use hickory_resolver::proto::op::{Message, MessageType};
use hickory_resolver::proto::rr::rdata::{A, SOA};
use hickory_resolver::proto::rr::{Name, Record};
use std::net::Ipv4Addr;
use tokio::net::UdpSocket;

/// How a server answers a question.
type Answering = fn(&mut Message, &Name, RecordType);

const NAME: &str = "loki.glt.internal";

/// Starts a server; it ends with the test's runtime.
async fn server(answer: Answering) -> SocketAddr {
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let at = socket.local_addr().unwrap();
    tokio::spawn(async move {
        let mut buffer = [0; 1500];
        while let Ok((length, from)) = socket.recv_from(&mut buffer).await {
            let asked = Message::from_vec(&buffer[..length]).unwrap();
            let question = asked.queries()[0].clone();
            let mut reply = Message::new();
            reply.set_id(asked.id()).set_message_type(MessageType::Response);
            reply.set_recursion_available(true).add_query(question.clone());
            answer(&mut reply, question.name(), question.query_type());
            // A server that is to keep silent says so by this code, which nobody else uses.
            if reply.response_code() != ResponseCode::NotZone {
                socket.send_to(&reply.to_vec().unwrap(), from).await.unwrap();
            }
        }
    });
    at
}

fn address(name: &Name, ttl: u32, last: u8) -> Record {
    Record::from_rdata(name.clone(), ttl, RData::A(A(Ipv4Addr::new(127, 0, 1, last))))
}

fn soa(ttl: u32, minimum: u32) -> Record {
    let name = |text: &str| Name::from_ascii(text).unwrap();
    let soa = SOA::new(name("ns."), name("admin."), 1, 7200, 900, 1_209_600, minimum);
    Record::from_rdata(name("glt.internal."), ttl, RData::SOA(soa))
}

async fn resolve(at: SocketAddr) -> Result<DnsAnswer, SourceError> {
    let resolver = Resolver::new(Some(at)).unwrap();
    let bucket = Bucket::new(Source::Dns, &Clock::real());
    let mut calls = Calls::new(&bucket);
    match resolver.read(&mut calls, &DnsName::from(NAME), "glt.internal").await? {
        (Fragment::Dns(answer), None) => Ok(answer),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn all_addresses_with_the_least_ttl_and_the_zones_own() {
    let at = server(|reply, name, kind| {
        assert!(["loki.glt.internal.", "glt.internal."].contains(&name.to_string().as_str()));
        if kind == RecordType::SOA {
            reply.add_answer(soa(900, 86_400));
        } else {
            for last in 1..=8 {
                reply.add_answer(address(name, 60 - u32::from(last), last));
            }
        }
    })
    .await;
    let answer = resolve(at).await.unwrap();
    assert_eq!(answer.count(), 8);
    assert_eq!((answer.ttl(), answer.negative_ttl), (Some(52), Some(900)));
    assert_eq!(answer.resolver, at.to_string());
}

#[tokio::test]
async fn a_name_that_does_not_exist_comes_with_its_negative_ttl() {
    let at = server(|reply, _, _| {
        reply.set_response_code(ResponseCode::NXDomain).add_name_server(soa(900, 60));
    })
    .await;
    let answer = resolve(at).await.unwrap();
    assert_eq!((&answer.records, answer.negative_ttl), (&DnsRecords::NoSuchName, Some(60)));
    assert_eq!(answer.count(), 0);
}

#[tokio::test]
async fn a_name_without_an_address_is_empty() {
    let at = server(|reply, _, _| {
        reply.add_name_server(soa(300, 900));
    })
    .await;
    let answer = resolve(at).await.unwrap();
    assert_eq!((&answer.records, answer.negative_ttl), (&DnsRecords::Empty, Some(300)));
}

#[tokio::test]
async fn failing_and_refusing_are_failures_and_no_absence() {
    for (code, word) in
        [(ResponseCode::ServFail, "Server Failure"), (ResponseCode::Refused, "Query Refused")]
    {
        let answer: Answering = match code {
            ResponseCode::ServFail => |reply, _, _| {
                reply.set_response_code(ResponseCode::ServFail);
            },
            _ => |reply, _, _| {
                reply.set_response_code(ResponseCode::Refused);
            },
        };
        let error = resolve(server(answer).await).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Failed, "{error}");
        assert!(error.message.contains(word), "{error}");
        assert_eq!(error.operation, "A loki.glt.internal");
    }
}

#[tokio::test]
async fn silence_ends_in_time() {
    let at = server(|reply, _, _| {
        reply.set_response_code(ResponseCode::NotZone);
    })
    .await;
    assert_eq!(resolve(at).await.unwrap_err().kind, ErrorKind::TimedOut);
}

/// What a liar answers is told as it came: whether it is anybody's is for `reconcile` to see. An
/// answer about another name than was asked for is none.
#[tokio::test]
async fn a_liar_is_quoted_and_an_answer_about_another_name_is_none() {
    let at = server(|reply, name, kind| {
        if kind == RecordType::A {
            reply.add_answer(address(name, 3600, 66));
        }
    })
    .await;
    let answer = resolve(at).await.unwrap();
    let addresses: Vec<_> = answer.addresses().map(ToString::to_string).collect();
    assert_eq!((addresses, answer.ttl()), (vec!["127.0.1.66".to_owned()], Some(3600)));
    let other = server(|reply, _, kind| {
        if kind == RecordType::A {
            let name = Name::from_ascii("other.example.").unwrap();
            reply.add_answer(address(&name, 60, 66));
        }
    })
    .await;
    assert_eq!(resolve(other).await.unwrap().count(), 0);
}
