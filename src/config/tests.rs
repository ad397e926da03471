//! Every rule of the configuration as a row: what the layers say, and what comes of it.

use super::file::parse;
use super::load::assemble;
use super::*;
use std::path::{Path, PathBuf};
use std::time::Duration;

const FILE: &str = "/etc/q.toml";

fn settings(text: &str, env: &[(&str, &str)], flags: &Flags) -> Result<Settings, ConfigError> {
    let env: Environment = env.iter().copied().chain([("HOME", "/home/op")]).collect();
    let file = parse(Path::new(FILE), text).map_err(|bad| ConfigError::Invalid(Box::new(bad)))?;
    assemble(file, Some(FILE.into()), &env, flags)
}

/// The error of a file, as the operator reads it.
fn refusal(text: &str) -> String {
    let error = settings(text, &[], &Flags::default()).unwrap_err();
    format!("{error} | {}", error.next_step())
}

/// One field of the settings, as text, and its origin.
fn seen(settings: &Settings, name: &str) -> String {
    let line = show(settings)
        .lines()
        .find(|line| line.trim_start_matches("# ").starts_with(name))
        .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "));
    line.unwrap_or_else(|| panic!("no {name}"))
}

#[test]
fn what_is_refused_in_a_file_names_line_key_and_next_step() {
    let next = |key: &str| {
        format!("Correct {key} in /etc/q.toml; `quarterdeck config sample` shows every key.")
    };
    let rows: Vec<(&str, String)> = vec![
        (
            "[aws]\nregoin = \"us-west-2\"",
            "/etc/q.toml:2: aws.regoin: unknown key (known here: region, profile, endpoint_url, call_timeout) | Did you mean `aws.region`?".into(),
        ),
        (
            "color = true\ntimout = \"3s\"",
            "/etc/q.toml:2: timout: unknown key (known here: context, timeout, namespace, load_balancer, state_dir, log, color, ascii, aws, cadence, probes, registry, contexts) | Did you mean `timeout`?".into(),
        ),
        (
            "[probes.loki]\nprot = 1",
            "/etc/q.toml:2: probes.loki.prot: unknown key (known here: port, path, status, scheme, optional) | Did you mean `probes.loki.port`?".into(),
        ),
        (
            "[contexts.prod]\nproductoin = true",
            "/etc/q.toml:2: contexts.prod.productoin: unknown key (known here: region, profile, endpoint_url, production, namespace, load_balancer, mode) | Did you mean `contexts.prod.production`?".into(),
        ),
        (
            "[probes]\ntimeuot = \"3s\"",
            "/etc/q.toml:2: probes.timeuot: invalid type: string \"3s\", expected a product's table | Did you mean `probes.timeout`?".into(),
        ),
        (
            "\n[probes.lokki]\noptional = true",
            "/etc/q.toml:2: probes.lokki: the product \"lokki\" is not built in and needs a port | Did you mean `probes.loki`?".into(),
        ),
        (
            "[probes.mimir]\nport = 9009",
            format!("/etc/q.toml:1: probes.mimir: the product \"mimir\" is not built in and needs a path | {}", next("probes.mimir")),
        ),
        (
            "timeout = \"90\"",
            format!("/etc/q.toml:1: timeout: \"90\" is no duration: write a whole number and a unit, like 500ms, 90s, 10m or 1h | {}", next("timeout")),
        ),
        (
            "timeout = \"0s\"",
            format!("/etc/q.toml:1: timeout: 0s is out of range: from 1s to 1h | {}", next("timeout")),
        ),
        (
            "[cadence]\nelbv2 = \"0ms\"",
            format!("/etc/q.toml:2: cadence.elbv2: 0ms is out of range: from 100ms to 1h | {}", next("cadence.elbv2")),
        ),
        (
            "[probes]\ntimeout = \"2h\"",
            format!("/etc/q.toml:2: probes.timeout: 2h is out of range: from 100ms to 1m | {}", next("probes.timeout")),
        ),
        (
            "[probes]\nproxy = \"ftp://x\"",
            format!("/etc/q.toml:2: probes.proxy: \"ftp://x\" is no proxy: write http://host:port or socks5://host:port | {}", next("probes.proxy")),
        ),
        (
            "[probes.tempo]\npath = \"/shutdown\"",
            format!("/etc/q.toml:2: probes.tempo.path: the path \"/shutdown\" is refused: some servers act on GET /shutdown: only paths that read are probed | {}", next("probes.tempo.path")),
        ),
        (
            "[probes.tempo]\npath = \"/ready?x=1\"",
            format!("/etc/q.toml:2: probes.tempo.path: the path \"/ready?x=1\" is refused: a probe path has no query and only letters, digits and / - _ . ~ | {}", next("probes.tempo.path")),
        ),
        (
            "[probes.tempo]\nstatus = [200, 99]",
            format!("/etc/q.toml:2: probes.tempo.status: 99 is no HTTP status: they go from 100 to 599 | {}", next("probes.tempo.status")),
        ),
        (
            "[probes.tempo]\nstatus = []",
            format!("/etc/q.toml:2: probes.tempo.status: an empty list of statuses would let nothing pass | {}", next("probes.tempo.status")),
        ),
        (
            "[probes.tempo]\nscheme = \"htps\"",
            "/etc/q.toml:2: probes.tempo.scheme: \"htps\" is none of http, https | Did you mean `https`?".into(),
        ),
        (
            "[aws]\nregion = \"US West\"",
            format!("/etc/q.toml:2: aws.region: \"US West\" is no region: regions look like us-west-2 | {}", next("aws.region")),
        ),
        (
            "[aws]\nendpoint_url = \"localhost:5000\"",
            format!("/etc/q.toml:2: aws.endpoint_url: \"localhost:5000\" is no endpoint: write http://host[:port] or https://host[:port] | {}", next("aws.endpoint_url")),
        ),
        (
            "[[registry]]\nservice = \"glt\"",
            format!("/etc/q.toml:2: registry[0].service: \"glt\" is no Cloud Map service id: they look like srv-0123456789abcdef | {}", next("registry[0].service")),
        ),
        (
            "[[registry]]\nservice = \"srv-1\"\n[[registry]]\nservice = \"srv-1\"",
            format!("/etc/q.toml: registry[1].service: srv-1 is named twice | {}", next("registry[1].service")),
        ),
        (
            "\ncontext = \"prdo\"\n[contexts.prod]",
            "/etc/q.toml:2: context: there is no [contexts.prdo] | Did you mean `prod`?".into(),
        ),
        (
            "namespace = \"\"",
            format!("/etc/q.toml:1: namespace: \"\" is empty or holds control characters | {}", next("namespace")),
        ),
        (
            "color = \"yes\"",
            format!("/etc/q.toml:1: color: invalid type: string \"yes\", expected a boolean | {}", next("color")),
        ),
    ];
    for (text, expected) in rows {
        assert_eq!(refusal(text), expected, "{text}");
    }
}

#[test]
fn text_that_is_no_toml_names_its_line() {
    let refused = refusal("color = true\n= 3");
    assert!(refused.starts_with("/etc/q.toml:2: "), "{refused}");
    assert!(refused.contains("config check FILE"), "{refused}");
    let refused = refusal("[probes.loki]\nport = 70000");
    assert!(refused.starts_with("/etc/q.toml:2: probes.loki.port: "), "{refused}");
    let refused = refusal("[probes.loki]\nport = 0");
    assert!(refused.starts_with("/etc/q.toml:2: probes.loki.port: "), "{refused}");
}

#[test]
fn each_layer_wins_over_the_ones_below_it() {
    let file = "context = \"prod\"\n[aws]\nregion = \"file-1\"\nprofile = \"file\"\nendpoint_url = \"http://file\"\n[contexts.prod]\nregion = \"context-1\"\nprofile = \"context\"\nendpoint_url = \"http://context\"\n";
    let flags = Flags {
        region: Some("flag-1".into()),
        profile: Some("flag".into()),
        endpoint_url: Some("http://flag".into()),
        ..Flags::default()
    };
    let env = [("AWS_REGION", "env-1"), ("AWS_PROFILE", "env"), ("AWS_ENDPOINT_URL", "http://env")];
    let none = Flags::default();
    let without_context = file.replace("context = \"prod\"\n", "");
    let rows: [(&str, &[(&str, &str)], &Flags, [&str; 3]); 5] = [
        (
            "",
            &[],
            &none,
            ["# aws.region # unset", "# aws.profile # unset", "# aws.endpoint_url # unset"],
        ),
        (
            &without_context,
            &[],
            &none,
            [
                "aws.region = \"file-1\" # file /etc/q.toml",
                "aws.profile = \"file\" # file /etc/q.toml",
                "aws.endpoint_url = \"http://file\" # file /etc/q.toml",
            ],
        ),
        (
            file,
            &[],
            &none,
            [
                "aws.region = \"context-1\" # context prod",
                "aws.profile = \"context\" # context prod",
                "aws.endpoint_url = \"http://context\" # context prod",
            ],
        ),
        (
            file,
            &env,
            &none,
            [
                "aws.region = \"env-1\" # environment AWS_REGION",
                "aws.profile = \"env\" # environment AWS_PROFILE",
                "aws.endpoint_url = \"http://env\" # environment AWS_ENDPOINT_URL",
            ],
        ),
        (
            file,
            &env,
            &flags,
            [
                "aws.region = \"flag-1\" # flag --region",
                "aws.profile = \"flag\" # flag --profile",
                "aws.endpoint_url = \"http://flag\" # flag --endpoint-url",
            ],
        ),
    ];
    for (text, env, flags, expected) in rows {
        let settings = settings(text, env, flags).unwrap();
        let found =
            ["aws.region", "aws.profile", "aws.endpoint_url"].map(|name| seen(&settings, name));
        assert_eq!(found, expected, "{text} {env:?}");
    }
}

#[test]
fn single_values_and_their_sources() {
    let flags = |change: fn(&mut Flags)| {
        let mut flags = Flags::default();
        change(&mut flags);
        flags
    };
    let none = flags(|_| {});
    let context = "context = \"p\"\nnamespace = \"f\"\n[contexts.p]\nnamespace = \"c\"\nload_balancer = \"lb\"\nmode = \"operate\"\nproduction = true\n";
    let rows: Vec<(&str, &[(&str, &str)], Flags, &str)> = vec![
        ("", &[], none.clone(), "timeout = \"30s\" # default"),
        ("timeout = \"1m\"", &[], none.clone(), "timeout = \"1m\" # file /etc/q.toml"),
        (
            "timeout = \"1m\"",
            &[],
            flags(|f| f.timeout = Some(Duration::from_secs(5))),
            "timeout = \"5s\" # flag --timeout",
        ),
        ("", &[], none.clone(), "color = true # default"),
        (
            "color = true",
            &[("NO_COLOR", "1")],
            none.clone(),
            "color = false # environment NO_COLOR",
        ),
        ("color = true", &[("NO_COLOR", "")], none.clone(), "color = true # file /etc/q.toml"),
        ("", &[], flags(|f| f.no_color = true), "color = false # flag --no-color"),
        ("", &[], flags(|f| f.ascii = true), "ascii = true # flag --ascii"),
        ("", &[], none.clone(), "state_dir = \"/home/op/.local/state/quarterdeck\" # default"),
        ("", &[("XDG_STATE_HOME", "/s")], none.clone(), "state_dir = \"/s/quarterdeck\" # default"),
        ("state_dir = \"~/q\"", &[], none.clone(), "state_dir = \"/home/op/q\" # file /etc/q.toml"),
        (
            "",
            &[],
            flags(|f| f.state_dir = Some(PathBuf::from("x"))),
            "state_dir = \"x\" # flag --state-dir",
        ),
        ("log = \"~/q.log\"", &[], none.clone(), "log = \"/home/op/q.log\" # file /etc/q.toml"),
        (context, &[], none.clone(), "namespace = \"c\" # context p"),
        (
            context,
            &[],
            flags(|f| f.namespace = Some("n".into())),
            "namespace = \"n\" # flag --namespace",
        ),
        (context, &[], none.clone(), "load_balancer = \"lb\" # context p"),
        (context, &[], none.clone(), "mode: operate, production: true # context p"),
        (
            context,
            &[],
            flags(|f| f.read_only = true),
            "mode: read-only, production: true # flag --read-only",
        ),
        (
            "[probes]\nenabled = true",
            &[],
            flags(|f| f.no_probes = true),
            "probes.enabled = false # flag --no-probes",
        ),
        (
            "[probes.loki]\nport = 3101",
            &[],
            none.clone(),
            "probes.loki.port = 3101 # file /etc/q.toml",
        ),
        (
            "[probes.loki]\nport = 3101",
            &[],
            none.clone(),
            "probes.loki.path = \"/ready\" # default",
        ),
        (
            "[probes]\nproxy = \"socks5://u:secret@jump:1080\"",
            &[],
            none.clone(),
            "probes.proxy = \"socks5://u:***@jump:1080\" # file /etc/q.toml",
        ),
        (
            "[[registry]]\nservice = \"srv-1\"\nstacks = [\"b\", \"a\"]",
            &[],
            none.clone(),
            "registry = [{ service = \"srv-1\", stacks = [\"a\", \"b\"] }] # file /etc/q.toml",
        ),
        (
            "",
            &[("AWS_DEFAULT_REGION", "eu-1")],
            none.clone(),
            "aws.region = \"eu-1\" # environment AWS_DEFAULT_REGION",
        ),
        (
            "",
            &[("AWS_ENDPOINT_URL", "http://all"), ("AWS_ENDPOINT_URL_STS", "http://sts")],
            none.clone(),
            "aws.endpoint_url # left to the AWS SDK by environment AWS_ENDPOINT_URL_<SERVICE>",
        ),
    ];
    for (text, env, flags, expected) in rows {
        let settings = settings(text, env, &flags).unwrap();
        let name = expected.split([' ', ':']).next().unwrap();
        let found = seen(&settings, name);
        assert_eq!(found.trim_start_matches("# "), expected, "{text} {env:?}");
    }
}

#[test]
fn a_further_product_stands_beside_the_built_in_ones() {
    let text = "[probes.mimir]\nport = 9009\npath = \"/ready\"\nscheme = \"https\"\nstatus = [200, 204]\noptional = true";
    let settings = settings(text, &[], &Flags::default()).unwrap();
    let [.., mimir] = settings.probes.products.as_slice() else { panic!() };
    assert_eq!(settings.probes.products.len(), 5);
    assert_eq!(mimir.kind, ProbeKind::Http);
    assert_eq!((mimir.tls, mimir.port, mimir.optional), (true, 9009, true));
    assert_eq!(mimir.status, [200, 204].into());
}

#[test]
fn a_variable_that_overrides_the_chosen_context_is_said() {
    let file = "[contexts.prod]\nregion = \"us-west-2\"\nprofile = \"p\"";
    let prod = Flags { context: Some("prod".into()), ..Flags::default() };
    let env = [("AWS_REGION", "us-west-2"), ("AWS_PROFILE", "dev")];
    let notes = settings(file, &env, &prod).unwrap().notes;
    assert_eq!(notes, ["AWS_PROFILE overrides aws.profile of the context \"prod\""]);
}

#[test]
fn flags_and_variables_are_checked_as_the_file_is() {
    let bad = Flags { region: Some("nowhere".into()), ..Flags::default() };
    let error = settings("", &[], &bad).unwrap_err();
    assert_eq!(
        error.to_string(),
        "--region: \"nowhere\" is no region: regions look like us-west-2"
    );
    let error = settings("", &[("AWS_ENDPOINT_URL", "x")], &Flags::default()).unwrap_err();
    assert!(error.to_string().starts_with("AWS_ENDPOINT_URL: \"x\" is no endpoint"), "{error}");
    let unknown = Flags { context: Some("prdo".into()), ..Flags::default() };
    let error = settings("[contexts.prod]", &[], &unknown).unwrap_err();
    assert_eq!(error.to_string(), "there is no context \"prdo\" (known: prod)");
    assert_eq!(error.next_step(), "Did you mean \"prod\"?");
}

#[test]
fn a_named_file_must_exist_and_the_default_one_need_not() {
    let home: Environment = [("HOME", "/nonexistent")].into_iter().collect();
    assert_eq!(load(&home, &Flags::default()).unwrap().file, None);
    let missing = Flags { config: Some("/nonexistent/q.toml".into()), ..Flags::default() };
    let error = load(&home, &missing).unwrap_err();
    assert_eq!(error.to_string(), "cannot read /nonexistent/q.toml");
    let named: Environment =
        [("HOME", "/nonexistent"), ("QUARTERDECK_CONFIG", "/nonexistent/e.toml")]
            .into_iter()
            .collect();
    assert_eq!(
        load(&named, &Flags::default()).unwrap_err().to_string(),
        "cannot read /nonexistent/e.toml"
    );
    assert!(matches!(load(&Environment::default(), &Flags::default()), Err(ConfigError::NoHome)));
}

#[test]
fn the_sample_reads_back_as_the_defaults() {
    let sample = sample().unwrap();
    let mut read = settings(&sample, &[], &Flags::default()).unwrap();
    let mut defaults = settings("", &[], &Flags::default()).unwrap();
    assert!(read.origins.values().any(|origin| matches!(origin, Origin::File(_))));
    read.origins.clear();
    defaults.origins.clear();
    assert_eq!(format!("{read:?}"), format!("{defaults:?}"));
}

#[test]
fn every_commented_key_of_the_sample_is_a_key() {
    let sample = sample().unwrap();
    let uncommented: String = sample
        .lines()
        .map(|line| match line.strip_prefix('#') {
            Some(rest) if !rest.starts_with(' ') => format!("{rest}\n"),
            _ => format!("{line}\n"),
        })
        .collect();
    let flags = Flags { context: Some("prod".into()), ..Flags::default() };
    let settings = settings(&uncommented, &[], &flags).unwrap();
    let unset: Vec<_> =
        settings.origins.iter().filter(|(_, from)| **from == Origin::Default).collect();
    assert!(unset.is_empty(), "not in the sample: {unset:?}");
}
