//! The instance metadata service, version 2: a token first, then single values. Short limits,
//! because at boot somebody waits, and because a bridged container at hop limit 1 gets no answer
//! at all, not even an error.

use super::register::backoff;
use crate::clock::Clock;
use crate::config::Environment;
use crate::core::inventory::ProbeReason;
use crate::sources::probe::{Answer, Asker, Reading, Request};
use std::time::Duration;

/// Where it is on every instance (EC2 User Guide, "Instance metadata").
const USUAL: &str = "http://169.254.169.254";
/// Its IPv6 address.
const USUAL_IPV6: &str = "http://[fd00:ec2::254]";
/// How long the first attempt at a request may take: the service is on the same machine. Each
/// further one may take twice as long, because a machine that boots can be too busy to hear even
/// that in time.
const LIMIT: Duration = Duration::from_secs(1);
/// How often one request is made, as at boot the network may come up a moment later, and 503 asks
/// to be asked again.
const ATTEMPTS: u32 = 3;
/// How long the token is wanted for: longer than `register` runs.
const TOKEN_SECONDS: &str = "300";

/// A client of the service. Nothing is asked before the first [`Metadata::get`].
#[derive(Debug)]
pub struct Metadata {
    place: Result<String, MetadataError>,
    clock: Clock,
    token: Option<String>,
    /// A service that failed once is not asked again for the next value.
    failed: Option<MetadataError>,
}

/// Why the service says nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MetadataError {
    /// `AWS_EC2_METADATA_DISABLED=true`.
    #[error("the instance metadata may not be asked (AWS_EC2_METADATA_DISABLED is true)")]
    Disabled,
    /// The override is no URL.
    #[error("AWS_EC2_METADATA_SERVICE_ENDPOINT is {0:?}, which is no http:// URL")]
    BadEndpoint(String),
    /// It takes the connection and answers nothing.
    #[error(
        "the instance metadata service at {url} takes the connection and then says nothing: so it \
         looks from a bridged container when the hop limit is 1"
    )]
    Silent {
        /// Where it was asked.
        url: String,
    },
    /// Nothing is there.
    #[error("there is no instance metadata service at {url}: {why}")]
    Absent {
        /// Where it was asked.
        url: String,
        /// What came of the connection.
        why: String,
    },
    /// It refuses.
    #[error("the instance metadata service at {url} answers {status}{}", meaning(*.status))]
    Refused {
        /// Where it was asked.
        url: String,
        /// The status.
        status: u16,
    },
}

fn meaning(status: u16) -> &'static str {
    match status {
        403 => " (it is switched off for this instance, or a proxy stands between)",
        429 | 503 => " (it is busy)",
        _ => "",
    }
}

impl MetadataError {
    /// Whether it may be otherwise the next time, with the same configuration.
    pub fn may_pass(&self) -> bool {
        !matches!(self, Self::Disabled | Self::BadEndpoint(_))
    }

    /// What to do about it, as a sentence.
    pub fn next_step(&self) -> &'static str {
        match self {
            Self::Disabled => "allow it (AWS_EC2_METADATA_DISABLED=false).",
            Self::BadEndpoint(_) => "write it like http://169.254.169.254, or leave it out.",
            Self::Silent { .. } => {
                "raise the hop limit to 2 (aws ec2 modify-instance-metadata-options \
                 --http-put-response-hop-limit 2), or run it on the host's network."
            }
            Self::Absent { .. } => "run it on the instance, or set the values it would have given.",
            Self::Refused { .. } => {
                "switch it on (aws ec2 modify-instance-metadata-options --http-endpoint enabled)."
            }
        }
    }
}

impl Metadata {
    /// Where the environment says that the service is, if it may be asked at all: the variables
    /// that every AWS SDK reads.
    pub fn new(env: &Environment, clock: Clock) -> Self {
        let disabled = env.text("AWS_EC2_METADATA_DISABLED");
        let ipv6 = env.text("AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE");
        let place = if disabled.is_some_and(|text| text.eq_ignore_ascii_case("true")) {
            Err(MetadataError::Disabled)
        } else {
            match env.text("AWS_EC2_METADATA_SERVICE_ENDPOINT") {
                Some(url) => endpoint(url),
                None if ipv6.is_some_and(|text| text.eq_ignore_ascii_case("ipv6")) => {
                    Ok(USUAL_IPV6.to_owned())
                }
                None => Ok(USUAL.to_owned()),
            }
        };
        Self { place, clock, token: None, failed: None }
    }

    /// One value below `/latest/meta-data/`; `None` where there is no such value.
    ///
    /// # Errors
    /// A [`MetadataError`]; the same one again without asking, once there was one.
    pub async fn get(&mut self, path: &str) -> Result<Option<String>, MetadataError> {
        if let Some(failed) = &self.failed {
            return Err(failed.clone());
        }
        let got = self.ask(path).await;
        if let Err(error) = &got {
            self.failed = Some(error.clone());
        }
        got
    }

    async fn ask(&mut self, path: &str) -> Result<Option<String>, MetadataError> {
        let base = self.place.clone()?;
        let url = format!("{base}/latest/meta-data/{path}");
        let mut renewed = false;
        loop {
            let token = match &self.token {
                Some(token) => token.clone(),
                None => self.new_token(&base).await?,
            };
            let headers = [("x-aws-ec2-metadata-token", token.as_str())];
            let answer =
                self.send(Request { url: &url, put: false, headers: &headers, body: None }).await?;
            match answer.status {
                200 => return Ok(Some(answer.body)),
                404 => return Ok(None),
                // The token's time was over.
                401 if !renewed => {
                    self.token = None;
                    renewed = true;
                }
                status => return Err(MetadataError::Refused { url, status }),
            }
        }
    }

    async fn new_token(&mut self, base: &str) -> Result<String, MetadataError> {
        let url = format!("{base}/latest/api/token");
        let headers = [("x-aws-ec2-metadata-token-ttl-seconds", TOKEN_SECONDS)];
        let answer =
            self.send(Request { url: &url, put: true, headers: &headers, body: None }).await?;
        if answer.status != 200 || !is_token(&answer.body) {
            return Err(MetadataError::Refused { url, status: answer.status });
        }
        self.token = Some(answer.body.clone());
        Ok(answer.body)
    }

    async fn send(&self, request: Request<'_>) -> Result<Answer, MetadataError> {
        let mut attempt = 0;
        loop {
            let asker = Asker::new(LIMIT * 2_u32.pow(attempt), false).map_err(|error| {
                MetadataError::Absent { url: request.url.to_owned(), why: error.to_string() }
            })?;
            let asked = asker.ask(request).await;
            attempt += 1;
            let again = match &asked {
                Ok(answer) => matches!(answer.status, 429 | 500..),
                Err(_) => true,
            };
            if !again || attempt == ATTEMPTS {
                return asked.map_err(|reading| nothing(request.url, reading));
            }
            self.clock.sleep(backoff::full_jitter(attempt)).await;
        }
    }
}

/// A token goes into a header, so nothing else may pass for one.
fn is_token(text: &str) -> bool {
    !text.is_empty() && text.len() <= 512 && text.bytes().all(|b| b.is_ascii_graphic())
}

fn nothing(url: &str, reading: Reading) -> MetadataError {
    let url = url.to_owned();
    match reading.reason {
        ProbeReason::Frozen => MetadataError::Silent { url },
        _ => MetadataError::Absent { url, why: reading.detail },
    }
}

fn endpoint(url: &str) -> Result<String, MetadataError> {
    let host = url.strip_prefix("http://").map(|rest| rest.split('/').next().unwrap_or_default());
    let odd = |c: char| c.is_whitespace() || c.is_control() || "?#@".contains(c);
    match host {
        Some(host) if !host.is_empty() && !host.starts_with(':') && !url.contains(odd) => {
            Ok(url.trim_end_matches('/').to_owned())
        }
        _ => Err(MetadataError::BadEndpoint(url.to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::{Arc, Mutex};
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    fn place(pairs: &[(&str, &str)]) -> Result<String, MetadataError> {
        let env = pairs.iter().copied().collect::<Environment>();
        Metadata::new(&env, Clock::real()).place
    }

    #[test]
    fn the_variables_of_every_sdk_are_honoured() {
        let endpoint = "AWS_EC2_METADATA_SERVICE_ENDPOINT";
        assert_eq!(place(&[]), Ok(USUAL.to_owned()));
        assert_eq!(place(&[("AWS_EC2_METADATA_DISABLED", "TRUE")]), Err(MetadataError::Disabled));
        assert_eq!(place(&[("AWS_EC2_METADATA_DISABLED", "false")]), Ok(USUAL.to_owned()));
        let mode = [("AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE", "IPv6")];
        assert_eq!(place(&mode), Ok(USUAL_IPV6.to_owned()));
        assert_eq!(place(&[(endpoint, "http://a:1/x/")]), Ok("http://a:1/x".to_owned()));
        for bad in ["a:1", "https://a", "http://", "http://:80", "http://a b", "http://u@a"] {
            assert_eq!(place(&[(endpoint, bad)]), Err(MetadataError::BadEndpoint(bad.into())));
        }
    }

    /// A service that gives its n-th caller the n-th answer, and says nothing to those after; what
    /// it was asked, and what came of asking it for an id.
    async fn asked(
        answers: &'static [&'static str],
    ) -> (Vec<String>, Result<Option<String>, MetadataError>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let heard = Arc::<Mutex<Vec<String>>>::default();
        let log = heard.clone();
        tokio::spawn(async move {
            let mut answers = answers.iter();
            let mut silent = Vec::new();
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut head = [0; 1024];
                let size = stream.read(&mut head).await.unwrap();
                let head = String::from_utf8_lossy(&head[..size]).to_lowercase();
                let token = head.lines().find(|line| line.starts_with("x-aws-ec2-metadata-token:"));
                let line = head.lines().next().unwrap_or_default().replace(" http/1.1", "");
                log.lock()
                    .unwrap()
                    .push([Some(line.as_str()), token].into_iter().flatten().collect());
                match answers.next() {
                    Some(answer) => {
                        let head = "connection: close\r\n\r\n";
                        let text = format!(
                            "HTTP/1.1 {}",
                            answer.replacen("\n", &format!("\r\n{head}"), 1)
                        );
                        stream.write_all(text.as_bytes()).await.unwrap();
                    }
                    None => silent.push(stream),
                }
            }
        });
        let env = [("AWS_EC2_METADATA_SERVICE_ENDPOINT", url.as_str())].into_iter().collect();
        let got = Metadata::new(&env, Clock::real()).get("instance-id").await;
        let heard = heard.lock().unwrap().clone();
        (heard, got)
    }

    #[tokio::test]
    async fn a_token_comes_first_and_is_renewed_once() {
        let (token, id) = ("put /latest/api/token", "get /latest/meta-data/instance-id");
        let with = |token: &str| format!("{id}x-aws-ec2-metadata-token: {token}");
        let (heard, got) = asked(&["200 OK\none", "200 OK\ni-1"]).await;
        assert_eq!((heard, got), (vec![token.into(), with("one")], Ok(Some("i-1".to_owned()))));
        let (heard, got) = asked(&["200 OK\none", "401 No\n", "200 OK\ntwo", "200 OK\ni-1"]).await;
        assert_eq!(heard, [token.to_owned(), with("one"), token.to_owned(), with("two")]);
        assert_eq!(got, Ok(Some("i-1".to_owned())));
        let (_, got) = asked(&["200 OK\none", "401 No\n", "200 OK\ntwo", "401 No\n"]).await;
        assert!(matches!(got, Err(MetadataError::Refused { status: 401, .. })), "{got:?}");
    }

    #[tokio::test]
    async fn a_busy_service_is_asked_again_and_a_silent_one_is_recognised() {
        let (heard, got) = asked(&["503 Busy\n", "200 OK\none", "404 No\n"]).await;
        assert_eq!((heard.len(), got), (3, Ok(None)));
        let (_, got) = asked(&["403 No\n"]).await;
        let said = got.unwrap_err().to_string();
        assert!(said.contains("it is switched off for this instance"), "{said}");
        let (heard, got) = asked(&[]).await;
        assert_eq!(heard.len(), usize::try_from(ATTEMPTS).unwrap());
        let error = got.unwrap_err();
        assert!(matches!(error, MetadataError::Silent { .. }), "{error}");
        assert!(error.next_step().contains("--http-put-response-hop-limit 2"));
    }

    #[test]
    fn what_may_stand_in_a_header() {
        assert!(is_token("AQAE123=="));
        for no in ["", "<html>\n", "a b", "ü"] {
            assert!(!is_token(no), "{no:?}");
        }
    }
}
