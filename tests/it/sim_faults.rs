//! What goes wrong between a caller and the world, seen by boto3 and on the wire; who may what;
//! the log; the metadata service; the nodes' ports and the limits.

use crate::sim_harness::{TestWorld, http, run_script};
use quarterdeck::sim::{Options, SimError, WorldSource, serve};

const WORLD: &str = r#"
[[listener]]
product = "loki"
port = 3100
[[fleet]]
stack = "blue"
nodes = 2
weight = 100
[fleet.tags]
role = "observability"
[[fleet]]
stack = "green"
nodes = 1
weight = 0
[fleet.tags]
imds-hops = "1"
[[principal]]
access_key = "AKIAREADER"
name = "reader"
allow = ["*:Describe*", "*:List*", "*:Get*", "*:Discover*"]
[[principal]]
access_key = "AKIAOPERATOR"
name = "operator"
deny = ["elasticloadbalancing:ModifyListener"]
"#;

#[test]
fn faults_denials_and_the_log() {
    run_script(&TestWorld::of(WORLD), "faults.py");
}

#[test]
fn the_metadata_service() {
    run_script(&TestWorld::of(WORLD), "imds.py");
}

#[test]
fn calls_to_the_data_host_are_answered_by_the_same_port() {
    let world = TestWorld::of(WORLD);
    let asked = crate::sim_harness::raw(
        world.address(),
        "POST / HTTP/1.1\r\nHost: data-servicediscovery.us-west-2.amazonaws.com\r\n\
         Authorization: AWS4-HMAC-SHA256 Credential=AKIATEST/20261122/us-west-2/servicediscovery/aws4_request, Signature=0\r\n\
         X-Amz-Target: Route53AutoNaming_v20170314.DiscoverInstances\r\nConnection: close\r\n",
        r#"{"NamespaceName":"glt.internal","ServiceName":"glt"}"#,
    );
    assert!(asked.starts_with("HTTP/1.1 200"), "{asked}");
    assert!(asked.contains("x-amzn-requestid: "), "{asked}");
    assert!(asked.contains("\"HealthStatus\":\"HEALTHY\""), "{asked}");
}

#[test]
fn what_is_no_call_is_told_where_it_is() {
    let world = TestWorld::of(WORLD);
    assert_eq!(http(world.address(), "GET", "/", "").0, 404);
    let (status, body) =
        http(world.address(), "POST", "/_world/inject", "[[event]]\ndo = \"dance\"\n");
    assert_eq!(status, 400);
    assert!(body.contains("nothing is called `dance`"), "{body}");
}

fn cannot(options: Options) -> SimError {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async { serve(options).await.map(|_| ()).unwrap_err() })
}

#[test]
fn a_world_that_cannot_be_served_says_why_and_what_to_do() {
    let outside = Options { listen: "0.0.0.0:0".parse().unwrap(), ..Options::default() };
    assert!(cannot(outside).to_string().contains("is not a loopback address"));

    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let options = Options { listen: taken.local_addr().unwrap(), ..Options::default() };
    let said = cannot(options).to_string();
    assert!(said.contains("failed to listen on") && said.contains("choose another port"), "{said}");

    let world = WorldSource::Named("blue-gren".to_owned());
    let said = cannot(Options { world, ..Options::default() }).to_string();
    assert!(said.contains("did you mean `blue-green`?"), "{said}");

    let world = WorldSource::File("nowhere/world.toml".into());
    let said = cannot(Options { world, ..Options::default() }).to_string();
    assert!(said.starts_with("failed to open nowhere/world.toml: "), "{said}");

    let said = cannot(Options { rate: -1.0, ..Options::default() }).to_string();
    assert!(said.contains("a speed is a number from 0"), "{said}");
}

#[test]
fn two_worlds_live_side_by_side_on_addresses_of_their_own() {
    let (one, other) = (TestWorld::of(WORLD), TestWorld::of(WORLD));
    let address = |world: &TestWorld| world.get("/_world/state")["nodes"][0]["ip"].clone();
    assert_ne!(address(&one), address(&other));
    assert_eq!(one.info.proxied_ports + other.info.proxied_ports, 0);
}

#[test]
fn the_log_is_a_file_of_json_lines() {
    let directory = std::env::temp_dir().join(format!("quarterdeck-log-{}", std::process::id()));
    std::fs::create_dir_all(&directory).unwrap();
    let path = directory.join("requests.jsonl");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let lines = runtime.block_on(async {
        let options = Options { log: Some(path.clone()), rate: 0.0, ..Options::default() };
        let served = serve(options).await.unwrap();
        let address = served.info().endpoint.trim_start_matches("http://").to_owned();
        let form = "Action=GetCallerIdentity&Version=2011-06-15";
        let asked = tokio::task::spawn_blocking(move || http(&address, "POST", "/", form));
        assert_eq!(asked.await.unwrap().0, 403, "nobody signed");
        served.requests().len()
    });
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::remove_dir_all(&directory).unwrap();
    let line: serde_json::Value = serde_json::from_str(text.trim()).unwrap();
    assert_eq!(
        (lines, &line["operation"], &line["code"]),
        (1, &"GetCallerIdentity".into(), &"MissingAuthenticationToken".into())
    );
}
