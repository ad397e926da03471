//! The EC2 call on the wire: what it asks, pages, chunks, and how it is signed.

use super::readers;
use super::server::{Answer, Server, http};
use crate::core::error::ErrorKind;
use crate::core::ids::InstanceId;

fn page(ids: std::ops::Range<usize>, token: &str) -> Answer {
    let items: String = ids
        .map(|n| {
            format!(
                "<item><instancesSet><item><instanceId>i-{n:08x}</instanceId><instanceState>\
                 <name>running</name></instanceState></item></instancesSet></item>"
            )
        })
        .collect();
    let body = format!(
        "<DescribeInstancesResponse><reservationSet>{items}</reservationSet>\
         <nextToken>{token}</nextToken></DescribeInstancesResponse>"
    );
    http("200 OK", "content-type: text/xml\r\n", &body)
}

fn ids(count: usize) -> Vec<InstanceId> {
    (0..count).map(|n| InstanceId::from(format!("i-{n:08x}"))).collect()
}

#[tokio::test]
async fn what_is_asked() {
    let server = Server::start(vec![page(0..1, "")]).await;
    let aws = readers(&server.url).await;
    let described = aws.ec2.describe_instances(&["i-0123abcd".into()]).await;
    assert_eq!(described.calls, 1);
    assert_eq!(described.result.unwrap().len(), 1);
    let request = &server.requests()[0];
    assert!(request.starts_with("POST / HTTP/1.1\r\n"), "{request}");
    let body = request.split_once("\r\n\r\n").unwrap().1;
    assert_eq!(
        body,
        "Action=DescribeInstances&Version=2016-11-15&MaxResults=1000&Filter.1.Name=instance-id\
         &Filter.1.Value.1=i-0123abcd"
    );
    assert!(request.contains("AWS4-HMAC-SHA256 Credential=AKIDTEST/"), "{request}");
    assert!(request.contains("/us-west-2/ec2/aws4_request"), "{request}");
    assert!(!request.contains("secret-of-the-test"));
}

#[tokio::test]
async fn two_hundred_ids_a_call() {
    let answers = vec![page(0..200, ""), page(200..201, "")];
    let server = Server::start(answers).await;
    let aws = readers(&server.url).await;
    let described = aws.ec2.describe_instances(&ids(201)).await;
    assert_eq!(described.calls, 2);
    let found: Vec<_> = described.result.unwrap().into_iter().map(|one| one.id).collect();
    assert_eq!(found, ids(201));
    let asked = server.requests();
    assert!(asked[0].contains("Filter.1.Value.200=i-000000c7"));
    assert!(!asked[0].contains("Filter.1.Value.201"));
    assert!(asked[1].ends_with("Filter.1.Value.1=i-000000c8"), "{}", asked[1]);
}

#[tokio::test]
async fn every_page_is_followed() {
    let answers = vec![page(0..2, "a+b/c="), page(2..4, "d"), page(4..5, "")];
    let server = Server::start(answers).await;
    let aws = readers(&server.url).await;
    let described = aws.ec2.describe_instances(&ids(5)).await;
    assert_eq!(described.calls, 3);
    assert_eq!(described.result.unwrap().len(), 5);
    let asked = server.requests();
    assert!(asked[1].ends_with("&NextToken=a%2Bb%2Fc%3D"), "{}", asked[1]);
    assert!(asked[2].ends_with("&NextToken=d"), "{}", asked[2]);
}

#[tokio::test]
async fn pages_without_end_are_an_error() {
    let server = Server::start(vec![page(0..1, "again")]).await;
    let aws = readers(&server.url).await;
    let described = aws.ec2.describe_instances(&ids(1)).await;
    assert_eq!(described.calls, 2);
    assert_eq!(described.result.unwrap_err().kind, ErrorKind::Malformed);
}

#[tokio::test]
async fn a_failed_page_is_no_answer() {
    let answers = vec![page(0..2, "next"), http("500 Internal Server Error", "", "")];
    let server = Server::start(answers).await;
    let aws = readers(&server.url).await;
    let described = aws.ec2.describe_instances(&ids(4)).await;
    assert_eq!(described.calls, 2);
    assert_eq!(described.result.unwrap_err().kind, ErrorKind::Failed);
}

#[tokio::test]
async fn no_ids_no_call() {
    let server = Server::start(vec![page(0..1, "")]).await;
    let aws = readers(&server.url).await;
    let described = aws.ec2.describe_instances(&[]).await;
    assert_eq!((described.calls, described.result), (0, Ok(Vec::new())));
    assert_eq!(server.connections(), 0);
}
