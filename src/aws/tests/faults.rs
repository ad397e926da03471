//! Every kind of error, made on the wire, through a JSON client, a query client and the EC2 call.

use super::server::{Answer, Server, claiming, http, nobody};
use super::{Armed, PATIENCE, clients};
use crate::aws::{Aws, source_error};
use crate::core::error::{ErrorKind, SourceError};
use std::time::Duration;

const HTML: &str = "content-type: text/html\r\n";
const PAGE: &str = "<!doctype html>\n<title>502 Bad Gateway</title><p>a long story</p>";

async fn by_json(aws: &Aws) -> Result<(), SourceError> {
    let call = aws.servicediscovery.list_instances().service_id("srv-1").send().await;
    call.map(drop).map_err(|error| source_error("ListInstances", &error))
}

async fn by_query(aws: &Aws) -> Result<(), SourceError> {
    let call = aws.elbv2.describe_target_groups().send().await;
    call.map(drop).map_err(|error| source_error("DescribeTargetGroups", &error))
}

async fn by_ec2(aws: &Aws) -> Result<(), SourceError> {
    aws.ec2.describe_instances(&["i-0123abcd".into()]).await.result.map(drop)
}

/// The error of each client that the server answered so, in the order JSON, query, EC2.
async fn all(answer: Answer, limit: Duration) -> [SourceError; 3] {
    let server = Server::start(vec![answer]).await;
    let aws = clients(&server.url, limit, Armed::No).await;
    let errors = [by_json(&aws).await, by_query(&aws).await, by_ec2(&aws).await];
    assert_eq!(server.requests().len(), 3, "one attempt each");
    assert_eq!(aws.attempts(), 3);
    errors.map(Result::unwrap_err)
}

async fn expect(answer: Answer, expected: ErrorKind) -> [SourceError; 3] {
    let errors = all(answer.clone(), PATIENCE).await;
    for error in &errors {
        assert_eq!(error.kind, expected, "{error} after {answer:?}");
    }
    errors
}

fn json_error(status: &str, code: &str) -> Answer {
    let body = format!("{{\"__type\":\"com.amazonaws#{code}\",\"message\":\"said so\"}}");
    http(status, "content-type: application/x-amz-json-1.1\r\nx-amzn-requestid: r-json\r\n", &body)
}

fn query_error(status: &str, code: &str) -> Answer {
    let body = format!(
        "<ErrorResponse xmlns=\"http://x/\"><Error><Type>Sender</Type><Code>{code}</Code>\
         <Message>said so</Message></Error><RequestId>r-query</RequestId></ErrorResponse>"
    );
    http(status, "content-type: text/xml\r\nx-amzn-requestid: r-query\r\n", &body)
}

fn ec2_error(status: &str, code: &str) -> Answer {
    let body = format!(
        "<?xml version=\"1.0\"?><Response><Errors><Error><Code>{code}</Code>\
         <Message>said so</Message></Error></Errors><RequestID>r-ec2</RequestID></Response>"
    );
    http(status, "content-type: text/xml\r\n", &body)
}

/// What each client makes of its own protocol's error.
async fn coded(status: &str, codes: [&str; 3], expected: ErrorKind) {
    let answers =
        [json_error(status, codes[0]), query_error(status, codes[1]), ec2_error(status, codes[2])];
    let ids = ["r-json", "r-query", "r-ec2"];
    let server = Server::start(answers.to_vec()).await;
    let aws = clients(&server.url, PATIENCE, Armed::No).await;
    let errors = [by_json(&aws).await, by_query(&aws).await, by_ec2(&aws).await];
    for ((result, code), id) in errors.into_iter().zip(codes).zip(ids) {
        let error = result.unwrap_err();
        assert_eq!(error.kind, expected, "{error}");
        assert_eq!(error.code.as_deref(), Some(code));
        assert_eq!(error.request_id.as_deref(), Some(id));
        match expected {
            // Whoever is to ask for the permission is told its name.
            ErrorKind::Denied => {
                let missing = format!(":{} is missing)", error.operation);
                assert!(error.message.starts_with("said so ("), "{error}");
                assert!(error.message.ends_with(&missing), "{error}");
            }
            _ => assert_eq!(error.message, "said so"),
        }
    }
    assert_eq!(server.requests().len(), 3, "one attempt each");
}

#[tokio::test]
async fn throttled() {
    let codes = ["ThrottlingException", "Throttling", "RequestLimitExceeded"];
    coded("400 Bad Request", codes, ErrorKind::Throttled).await;
    coded("503 Service Unavailable", codes, ErrorKind::Throttled).await;
    expect(http("429 Too Many Requests", "", ""), ErrorKind::Throttled).await;
}

#[tokio::test]
async fn denied() {
    let codes = ["AccessDeniedException", "AccessDenied", "UnauthorizedOperation"];
    coded("403 Forbidden", codes, ErrorKind::Denied).await;
}

#[tokio::test]
async fn denied_in_the_other_protocol_or_without_a_word() {
    let errors = expect(query_error("403 Forbidden", "AccessDenied"), ErrorKind::Denied).await;
    for error in errors {
        assert_eq!(error.code.as_deref(), Some("AccessDenied"));
        // Whoever is to ask for the permission is told its name.
        let missing = format!(":{} is missing)", error.operation);
        assert!(error.message.starts_with("said so ("), "{error}");
        assert!(error.message.ends_with(&missing), "{error}");
    }
    let nothing_said = http("403 Forbidden", "content-type: text/xml\r\n", "<Error/>");
    expect(nothing_said, ErrorKind::Denied).await;
    expect(http("403 Forbidden", "", ""), ErrorKind::Denied).await;
}

#[tokio::test]
async fn expired_unknown_or_badly_signed() {
    let codes = ["ExpiredTokenException", "ExpiredToken", "RequestExpired"];
    coded("403 Forbidden", codes, ErrorKind::Expired).await;
    let codes = ["UnrecognizedClientException", "InvalidClientTokenId", "AuthFailure"];
    coded("403 Forbidden", codes, ErrorKind::Expired).await;
    let codes = ["InvalidSignatureException", "SignatureDoesNotMatch", "SignatureDoesNotMatch"];
    coded("403 Forbidden", codes, ErrorKind::NoCredentials).await;
}

#[tokio::test]
async fn not_found_and_failed() {
    let codes = ["ServiceNotFound", "TargetGroupNotFound", "InvalidInstanceID.NotFound"];
    coded("404 Not Found", codes, ErrorKind::NotFound).await;
    let codes = ["InvalidInput", "ValidationError", "InternalError"];
    coded("400 Bad Request", codes, ErrorKind::Failed).await;
    expect(http("500 Internal Server Error", "", ""), ErrorKind::Failed).await;
}

#[tokio::test]
async fn a_call_that_the_endpoint_does_not_have() {
    let codes = ["UnknownOperationException", "InvalidAction", "InvalidAction"];
    coded("400 Bad Request", codes, ErrorKind::Unsupported).await;
    let moto = "content-type: text/html\r\nserver: Werkzeug/3.1.8 Python/3.11.7\r\n";
    let page = "<!doctype html>\n<title>500 Internal Server Error</title><p>The server";
    expect(http("500 INTERNAL SERVER ERROR", moto, page), ErrorKind::Unsupported).await;
    let page = "<html><p>NotImplementedError: no such action</p></html>";
    expect(http("500 Internal Server Error", HTML, page), ErrorKind::Unsupported).await;
}

#[tokio::test]
async fn a_web_page_instead_of_an_answer() {
    for status in ["502 Bad Gateway", "200 OK", "500 Internal Server Error", "403 Forbidden"] {
        for error in expect(http(status, HTML, PAGE), ErrorKind::Malformed).await {
            assert!(error.message.contains("502 Bad Gateway"), "{error}");
            assert!(!error.message.contains("long story"), "{error}");
        }
    }
}

const WHOLE: [&str; 3] = [
    "{\"Instances\":[],\"ResourceOwner\":\"123456789012\"}",
    "<DescribeTargetGroupsResponse xmlns=\"http://x/\"><DescribeTargetGroupsResult>\
     <TargetGroups/></DescribeTargetGroupsResult></DescribeTargetGroupsResponse>",
    "<DescribeInstancesResponse xmlns=\"http://x/\"><reservationSet/></DescribeInstancesResponse>",
];

/// What each client says after its own answer was treated so.
async fn each(treat: impl Fn(&str) -> Answer) -> [Result<(), SourceError>; 3] {
    let server = Server::start(WHOLE.map(treat).to_vec()).await;
    let aws = clients(&server.url, PATIENCE, Armed::No).await;
    [by_json(&aws).await, by_query(&aws).await, by_ec2(&aws).await]
}

#[tokio::test]
async fn whole_answers_are_good() {
    assert_eq!(each(|body| http("200 OK", "", body)).await, [Ok(()), Ok(()), Ok(())]);
}

#[tokio::test]
async fn an_answer_cut_short_is_truncated() {
    let cut = |body: &str| claiming("200 OK", "", &body[..body.len() / 2], body.len());
    for result in each(cut).await {
        let error = result.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Truncated, "{error}");
    }
    let chunked = "transfer-encoding: chunked\r\n\r\n40\r\nabc";
    let chunked = format!("HTTP/1.1 200 OK\r\n{chunked}");
    expect(Answer::Bytes(chunked.into_bytes()), ErrorKind::Truncated).await;
    expect(Answer::Bytes(Vec::new()), ErrorKind::Truncated).await;
    expect(Answer::Bytes(b"HTTP/1.1 200 OK\r\ncont".to_vec()), ErrorKind::Truncated).await;
}

#[tokio::test]
async fn half_a_document_of_the_right_length_is_malformed() {
    for result in each(|body| http("200 OK", "", &body[..body.len() / 2])).await {
        let error = result.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Malformed, "{error}");
    }
    expect(http("400 Bad Request", "", "{\"__ty"), ErrorKind::Malformed).await;
    expect(Answer::Bytes(b"SSH-2.0-OpenSSH_9.6\r\n".to_vec()), ErrorKind::Malformed).await;
}

#[tokio::test]
async fn silence_is_a_timeout() {
    let limit = Duration::from_millis(300);
    let mut part = b"HTTP/1.1 200 OK\r\ncontent-length: 50\r\n\r\n".to_vec();
    for stall in [Answer::Stall(Vec::new()), Answer::Stall(part.clone())] {
        for error in all(stall, limit).await {
            assert_eq!(error.kind, ErrorKind::TimedOut, "{error}");
        }
    }
    // Bytes that keep coming do not lift the limit on the whole call.
    part.extend(std::iter::repeat_n(b' ', 50));
    for error in all(Answer::Drip(part, Duration::from_millis(60)), limit).await {
        assert_eq!(error.kind, ErrorKind::TimedOut, "{error}");
    }
}

#[tokio::test]
async fn an_answer_that_flows_slowly_is_good() {
    let drip = |body: &str| {
        let Answer::Bytes(bytes) = http("200 OK", "", body) else { unreachable!() };
        Answer::Drip(bytes, Duration::from_millis(3))
    };
    assert_eq!(each(drip).await, [Ok(()), Ok(()), Ok(())]);
}

#[tokio::test]
async fn no_second_opinion_on_what_is_slow() {
    let aws = clients(&nobody().await, PATIENCE, Armed::No).await;
    let protection = aws.elbv2.config().stalled_stream_protection().cloned();
    assert!(!protection.unwrap().is_enabled());
}

#[tokio::test]
async fn nobody_there() {
    let aws = clients(&nobody().await, PATIENCE, Armed::No).await;
    for result in [by_json(&aws).await, by_query(&aws).await, by_ec2(&aws).await] {
        let error = result.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Unreachable, "{error}");
    }
    // A TLS handshake that nobody answers is no connection either.
    let server = Server::start(vec![http("200 OK", "", "")]).await;
    let limit = Duration::from_millis(800);
    let aws = clients(&server.url.replace("http:", "https:"), limit, Armed::No).await;
    let error = by_json(&aws).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unreachable, "{error}");
}

#[tokio::test]
async fn no_secret_is_repeated() {
    let body = "<ErrorResponse><Error><Code>SignatureDoesNotMatch</Code><Message>It does not \
        match.\n\nThe Canonical String should have been\nx-amz-security-token:SECRET\
        </Message></Error></ErrorResponse>";
    let errors = expect(http("403 Forbidden", "", body), ErrorKind::NoCredentials).await;
    for error in errors {
        assert_eq!(error.message, "It does not match.");
    }
}
