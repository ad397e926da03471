//! Every rule of the configuration as a row: what the layers say, and what comes of it.

use super::file::parse;
use super::load::assemble;
use super::*;
use std::path::{Path, PathBuf};
use std::time::Duration;

const FILE: &str = "/etc/q.toml";

fn settings(text: &str, env: &[(&str, &str)], flags: &Flags) -> Result<Settings, ConfigError> {
    let env: Environment = env.iter().copied().chain([("HOME", "/h/op")]).collect();
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

/// What a file says, and how it is refused; `=KEY` stands for the next step that most keys have.
const REFUSALS: &[(&str, &str)] = &[
    (
        "[aws]\nregoin = \"us-west-2\"",
        "/etc/q.toml:2: aws.regoin: unknown key (known here: region, profile, endpoint_url, call_timeout) | Did you mean `aws.region`?",
    ),
    (
        "color = true\ntimout = \"3s\"",
        "/etc/q.toml:2: timout: unknown key (known here: context, also, timeout, namespace, load_balancer, dns_server, state_dir, evidence_dir, log, keymap, keymap_file, theme, theme_file, color, ascii, aws, cadence, probes, webhook, registry, contexts) | Did you mean `timeout`?",
    ),
    (
        "[probes.loki]\nprot = 1",
        "/etc/q.toml:2: probes.loki.prot: unknown key (known here: port, path, status, scheme, optional) | Did you mean `probes.loki.port`?",
    ),
    (
        "[contexts.prod]\nproductoin = true",
        "/etc/q.toml:2: contexts.prod.productoin: unknown key (known here: region, profile, role, endpoint_url, production, frame, namespace, load_balancer, mode, also) | Did you mean `contexts.prod.production`?",
    ),
    (
        "[probes]\ntimeuot = \"3s\"",
        "/etc/q.toml:2: probes.timeuot: invalid type: string \"3s\", expected a product's table | Did you mean `probes.timeout`?",
    ),
    (
        "\n[probes.lokki]\noptional = true",
        "/etc/q.toml:2: probes.lokki: the product \"lokki\" is not built in and needs a port | Did you mean `probes.loki`?",
    ),
    (
        "[probes.mimir]\nport = 9009",
        "/etc/q.toml:1: probes.mimir: the product \"mimir\" is not built in and needs a path | =probes.mimir",
    ),
    (
        "timeout = \"90\"",
        "/etc/q.toml:1: timeout: \"90\" is no duration: write a whole number and a unit, like 500ms, 90s, 10m or 1h | =timeout",
    ),
    ("timeout = \"0s\"", "/etc/q.toml:1: timeout: 0s is out of range: from 1s to 1h | =timeout"),
    (
        "[cadence]\nelbv2 = \"0ms\"",
        "/etc/q.toml:2: cadence.elbv2: 0ms is out of range: from 100ms to 1h | =cadence.elbv2",
    ),
    (
        "[probes]\ntimeout = \"2h\"",
        "/etc/q.toml:2: probes.timeout: 2h is out of range: from 100ms to 1m | =probes.timeout",
    ),
    (
        "[probes]\nproxy = \"ftp://x\"",
        "/etc/q.toml:2: probes.proxy: \"ftp://x\" is no proxy: write http://host:port or socks5://host:port | =probes.proxy",
    ),
    (
        "[probes.tempo]\npath = \"/shutdown\"",
        "/etc/q.toml:2: probes.tempo.path: the path \"/shutdown\" is refused: some servers act on GET /shutdown: only paths that read are probed | =probes.tempo.path",
    ),
    (
        "[probes.tempo]\npath = \"/ready?x=1\"",
        "/etc/q.toml:2: probes.tempo.path: the path \"/ready?x=1\" is refused: a probe path has no query and only letters, digits and / - _ . ~ | =probes.tempo.path",
    ),
    (
        "[probes.tempo]\nstatus = [200, 99]",
        "/etc/q.toml:2: probes.tempo.status: 99 is no HTTP status: they go from 100 to 599 | =probes.tempo.status",
    ),
    (
        "[probes.tempo]\nstatus = []",
        "/etc/q.toml:2: probes.tempo.status: an empty list of statuses would let nothing pass | =probes.tempo.status",
    ),
    (
        "[probes.tempo]\nscheme = \"htps\"",
        "/etc/q.toml:2: probes.tempo.scheme: \"htps\" is none of http, https | Did you mean `https`?",
    ),
    (
        "[aws]\nregion = \"US West\"",
        "/etc/q.toml:2: aws.region: \"US West\" is no region: regions look like us-west-2 | =aws.region",
    ),
    (
        "[aws]\nendpoint_url = \"localhost:5000\"",
        "/etc/q.toml:2: aws.endpoint_url: \"localhost:5000\" is no endpoint: write http://host[:port] or https://host[:port] | =aws.endpoint_url",
    ),
    (
        "[[registry]]\nservice = \"glt\"",
        "/etc/q.toml:2: registry[0].service: \"glt\" is no Cloud Map service id: they look like srv-0123456789abcdef | =registry[0].service",
    ),
    (
        "[[registry]]\nservice = \"srv-1\"\n[[registry]]\nservice = \"srv-1\"",
        "/etc/q.toml: registry[1].service: srv-1 is named twice | =registry[1].service",
    ),
    (
        "\ncontext = \"prdo\"\n[contexts.prod]",
        "/etc/q.toml:2: context: there is no [contexts.prdo] | Did you mean `prod`?",
    ),
    (
        "also = [\"est\"]\n[contexts.east]",
        "/etc/q.toml:1: also: there is no [contexts.est] | Did you mean `east`?",
    ),
    (
        "[contexts.east]\n[contexts.west]\nalso = [\n  \"east\",\n  \"nowhere\",\n]",
        "/etc/q.toml:5: contexts.west.also: there is no [contexts.nowhere] | =contexts.west.also",
    ),
    (
        "[contexts.east]\n[contexts.west]\nalso = [\"west\"]",
        "/etc/q.toml:3: contexts.west.also: the fleets of west are shown there in any case: leave it out | =contexts.west.also",
    ),
    (
        "[contexts.east]\n[contexts.west]\nalso = [\"east\", \"east\"]",
        "/etc/q.toml:3: contexts.west.also: east is named twice | =contexts.west.also",
    ),
    (
        "also = \"east\"\n[contexts.east]",
        "/etc/q.toml:1: also: invalid type: string \"east\", expected a sequence | =also",
    ),
    (
        "namespace = \"\"",
        "/etc/q.toml:1: namespace: \"\" is empty or holds control characters | =namespace",
    ),
    (
        "color = \"yes\"",
        "/etc/q.toml:1: color: invalid type: string \"yes\", expected a boolean | =color",
    ),
];

#[test]
fn what_is_refused_in_a_file_names_line_key_and_next_step() {
    for (text, expected) in REFUSALS {
        let expected = match expected.split_once(" | =") {
            Some((refused, key)) => format!(
                "{refused} | Correct {key} in /etc/q.toml; `quarterdeck config sample` shows every key."
            ),
            None => (*expected).to_owned(),
        };
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

const EVERY_LAYER: &str = "
context = \"prod\"
[aws]
region = \"file-1\"
profile = \"file\"
endpoint_url = \"http://file\"
[contexts.prod]
region = \"context-1\"
profile = \"context\"
endpoint_url = \"http://context\"
";

#[test]
fn each_layer_wins_over_the_ones_below_it() {
    let without_context = EVERY_LAYER.replace("context = \"prod\"\n", "");
    let env = [("AWS_REGION", "env-1"), ("AWS_PROFILE", "env"), ("AWS_ENDPOINT_URL", "http://env")];
    let none = Flags::default();
    let flags = Flags {
        region: Some("flag-1".into()),
        profile: Some("flag".into()),
        endpoint_url: Some("http://flag".into()),
        ..Flags::default()
    };
    let from = |text: &str, env: &[(&str, &str)], flags: &Flags| {
        let settings = settings(text, env, flags).unwrap();
        ["aws.region", "aws.profile", "aws.endpoint_url"].map(|name| seen(&settings, name))
    };
    let expected = |word: &str, origins: [&str; 3]| {
        [
            format!("aws.region = \"{word}-1\" # {}", origins[0]),
            format!("aws.profile = \"{word}\" # {}", origins[1]),
            format!("aws.endpoint_url = \"http://{word}\" # {}", origins[2]),
        ]
    };
    let unset = ["# aws.region # unset", "# aws.profile # unset", "# aws.endpoint_url # unset"];
    assert_eq!(from("", &[], &none), unset);
    let file = expected("file", ["file /etc/q.toml"; 3]);
    assert_eq!(from(&without_context, &[], &none), file);
    assert_eq!(from(EVERY_LAYER, &[], &none), expected("context", ["context prod"; 3]));
    let variables =
        ["environment AWS_REGION", "environment AWS_PROFILE", "environment AWS_ENDPOINT_URL"];
    assert_eq!(from(EVERY_LAYER, &env, &none), expected("env", variables));
    let given = ["flag --region", "flag --profile", "flag --endpoint-url"];
    assert_eq!(from(EVERY_LAYER, &env, &flags), expected("flag", given));
}

const NONE: fn(&mut Flags) = |_| {};
const CONTEXT: &str = "
context = \"p\"
namespace = \"f\"
[contexts.p]
namespace = \"c\"
load_balancer = \"lb\"
mode = \"operate\"
production = true
";

/// The file, the environment, the flags, and what `config show` then says.
type Row = (&'static str, &'static [(&'static str, &'static str)], fn(&mut Flags), &'static str);

const SINGLE: &[Row] = &[
    ("", &[], NONE, "timeout = \"30s\" # default"),
    ("timeout = \"1m\"", &[], NONE, "timeout = \"1m\" # file /etc/q.toml"),
    (
        "timeout = \"1m\"",
        &[],
        |f| f.timeout = Some(Duration::from_secs(5)),
        "timeout = \"5s\" # flag --timeout",
    ),
    ("", &[], NONE, "color = true # default"),
    ("color = true", &[("NO_COLOR", "1")], NONE, "color = false # environment NO_COLOR"),
    ("color = true", &[("NO_COLOR", "")], NONE, "color = true # file /etc/q.toml"),
    ("", &[], |f| f.no_color = true, "color = false # flag --no-color"),
    ("", &[], |f| f.ascii = true, "ascii = true # flag --ascii"),
    ("", &[("LANG", "C.UTF-8")], |f| f.ascii = true, "ascii = true # flag --ascii"),
    ("", &[], NONE, "ascii = true # default"),
    ("", &[("LANG", "C")], NONE, "ascii = true # environment LANG"),
    ("", &[("LANG", "de_DE.utf8")], NONE, "ascii = false # environment LANG"),
    ("", &[("LC_ALL", "POSIX"), ("LANG", "C.UTF-8")], NONE, "ascii = true # environment LC_ALL"),
    ("", &[("LC_ALL", ""), ("LC_CTYPE", "UTF-8")], NONE, "ascii = false # environment LC_CTYPE"),
    ("ascii = false", &[("LANG", "C")], NONE, "ascii = false # file /etc/q.toml"),
    ("ascii = true", &[("LANG", "C.UTF-8")], NONE, "ascii = true # file /etc/q.toml"),
    ("", &[], NONE, "state_dir = \"/h/op/.local/state/quarterdeck\" # default"),
    ("", &[("XDG_STATE_HOME", "/s")], NONE, "state_dir = \"/s/quarterdeck\" # default"),
    ("state_dir = \"~/q\"", &[], NONE, "state_dir = \"/h/op/q\" # file /etc/q.toml"),
    ("", &[], |f| f.state_dir = Some(PathBuf::from("x")), "state_dir = \"x\" # flag --state-dir"),
    ("log = \"~/q.log\"", &[], NONE, "log = \"/h/op/q.log\" # file /etc/q.toml"),
    (CONTEXT, &[], NONE, "namespace = \"c\" # context p"),
    (CONTEXT, &[], |f| f.namespace = Some("n".into()), "namespace = \"n\" # flag --namespace"),
    (CONTEXT, &[], NONE, "load_balancer = \"lb\" # context p"),
    (CONTEXT, &[], NONE, "mode: operate, production: true # context p"),
    (CONTEXT, &[], |f| f.read_only = true, "mode: read-only, production: true # flag --read-only"),
    (
        "[probes]\nenabled = true",
        &[],
        |f| f.no_probes = true,
        "probes.enabled = false # flag --no-probes",
    ),
    ("[probes.loki]\nport = 3101", &[], NONE, "probes.loki.port = 3101 # file /etc/q.toml"),
    ("[probes.loki]\nport = 3101", &[], NONE, "probes.loki.path = \"/ready\" # default"),
    (
        "[probes]\nproxy = \"socks5://u:secret@jump:1080\"",
        &[],
        NONE,
        "probes.proxy = \"socks5://u:***@jump:1080\" # file /etc/q.toml",
    ),
    (
        "[[registry]]\nservice = \"srv-1\"\nstacks = [\"b\", \"a\"]",
        &[],
        NONE,
        "registry = [{ service = \"srv-1\", stacks = [\"a\", \"b\"] }] # file /etc/q.toml",
    ),
    (
        "",
        &[("AWS_DEFAULT_REGION", "eu-1")],
        NONE,
        "aws.region = \"eu-1\" # environment AWS_DEFAULT_REGION",
    ),
    (
        "",
        &[("AWS_ENDPOINT_URL", "http://all"), ("AWS_ENDPOINT_URL_STS", "http://sts")],
        NONE,
        "aws.endpoint_url # left to the AWS SDK by environment AWS_ENDPOINT_URL_<SERVICE>",
    ),
];

#[test]
fn single_values_and_their_sources() {
    for (text, env, change, expected) in SINGLE {
        let mut flags = Flags::default();
        change(&mut flags);
        let settings = settings(text, env, &flags).unwrap();
        let name = expected.split([' ', ':']).next().unwrap();
        let found = seen(&settings, name);
        assert_eq!(found.trim_start_matches("# "), *expected, "{text} {env:?}");
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

/// A home with this configuration file.
fn home_with(name: &str, text: &str) -> Environment {
    let home = std::env::temp_dir().join(format!("quarterdeck-{name}-{}", std::process::id()));
    std::fs::create_dir_all(home.join(".config/quarterdeck")).unwrap();
    std::fs::write(home.join(".config/quarterdeck/config.toml"), text).unwrap();
    let env = [("AWS_REGION", "us-east-1"), ("AWS_PROFILE", "shell")];
    let env = env.map(|(name, value)| (name, value.into()));
    [("HOME", home.into_os_string())].into_iter().chain(env).collect()
}

const TWO_CONTEXTS: &str = "
[contexts.a]
region = \"us-west-2\"
profile = \"a\"
mode = \"operate\"
[contexts.b]
profile = \"b\"
role = \"arn:aws:iam::123456789012:role/team/oncall\"
production = true
frame = \"red\"
mode = \"read-only\"
[contexts.c]
endpoint_url = \"http://127.0.0.1:1\"
";

#[test]
fn another_context_is_what_it_says_and_not_what_the_shell_was_opened_for() {
    let env = home_with("contexts", TWO_CONTEXTS);
    let flags = Flags {
        context: Some("a".into()),
        region: Some("eu-west-1".into()),
        operate: true,
        timeout: Some(Duration::from_secs(5)),
        ..Flags::default()
    };
    let first = load(&env, &flags).unwrap();
    assert_eq!(first.aws.region.as_deref(), Some("eu-west-1"));
    assert_eq!(first.aws.profile.as_deref(), Some("shell"), "a variable comes before a context");
    let other = first.of_context(&env, "b").unwrap();
    assert_eq!(other.aws.region.as_deref(), Some("us-east-1"), "left open: the shell's");
    assert_eq!(other.for_sdk().profile.as_deref(), Some("b"));
    assert_eq!(other.aws.role.as_deref(), Some("arn:aws:iam::123456789012:role/team/oncall"));
    assert_eq!((other.production, other.frame), (true, Some(Frame::Red)));
    assert_eq!(other.mode, Mode::ReadOnly, "its own word, whatever the first was started with");
    assert_eq!(other.timeout, Duration::from_secs(5));
    let open = other.of_context(&env, "c").unwrap();
    assert_eq!(open.mode, Mode::Operate, "it leaves that open");
    assert_eq!(open.dns, DnsSetting::Off);
    let back = open.of_context(&env, "a").unwrap();
    assert_eq!(back.aws.region.as_deref(), Some("us-west-2"));
    assert_eq!(back.for_sdk().profile.as_deref(), Some("a"));
    let about: Vec<_> = back.contexts.iter().map(|one| one.about.as_str()).collect();
    assert_eq!(
        about,
        [
            "us-west-2, profile a, operate",
            "PRODUCTION, profile b, role oncall",
            "http://127.0.0.1:1"
        ]
    );
    let error = back.of_context(&env, "d").unwrap_err();
    assert_eq!(error.to_string(), "there is no context \"d\" (known: a, b, c)");
    let captive = Flags { context: Some("b".into()), confined: true, ..Flags::default() };
    let captive = load(&env, &captive).unwrap();
    assert!(captive.contexts.is_empty(), "there is nowhere to go");
    assert!(captive.of_context(&env, "a").is_err());
    let only = Flags { read_only: true, operate: true, ..Flags::default() };
    let only = load(&env, &only).unwrap();
    assert_eq!(only.of_context(&env, "a").unwrap().mode, Mode::ReadOnly, "everywhere");
}

#[test]
fn whose_fleets_are_shown_too_is_the_files_word_or_the_contexts_own() {
    let text = "also = [\"west\", \"east\"]\n[contexts.west]\n[contexts.east]\nalso = []\n\
                [contexts.apac]\nalso = [\"east\"]\n";
    let also = |flags: &Flags| settings(text, &[], flags).unwrap().also;
    let of = |name: &str| Flags { context: Some(name.into()), ..Flags::default() };
    assert_eq!(also(&Flags::default()), ["west", "east"]);
    assert_eq!(also(&of("west")), ["east"], "nobody is shown beside himself");
    assert!(also(&of("east")).is_empty(), "its own word");
    assert_eq!(also(&of("apac")), ["east"]);
    assert!(also(&Flags { confined: true, ..of("apac") }).is_empty(), "one place is all it sees");
    let shown = settings(text, &[], &of("apac")).unwrap();
    assert_eq!(seen(&shown, "also"), "also = [\"east\"] # context apac");
    let env = home_with("also", text);
    let west = load(&env, &of("west")).unwrap();
    assert_eq!(west.of_context(&env, "apac").unwrap().also, ["east"]);
}

#[test]
fn a_place_that_stands_twice_or_is_none_says_so() {
    for (text, said) in [
        (
            "[contexts.p]\n[contexts.p]\n",
            "/etc/q.toml:2: [contexts.p] stands here for the second time | Correct /etc/q.toml; `quarterdeck config check FILE` tries it.",
        ),
        (
            "[contexts.p]\nregion = \"us-west-2\"\nregion = \"us-west-1\"\n",
            "/etc/q.toml:3: region stands here for the second time | Correct /etc/q.toml; `quarterdeck config check FILE` tries it.",
        ),
        (
            "[contexts.p]\nframe = \"yelow\"\n",
            "/etc/q.toml:2: contexts.p.frame: \"yelow\" is none of red, green, yellow, blue, magenta, cyan | Did you mean `yellow`?",
        ),
        (
            "[contexts.p]\nrole = \"oncall\"\n",
            "/etc/q.toml:2: contexts.p.role: \"oncall\" is no role: they look like arn:aws:iam::123456789012:role/oncall | Correct contexts.p.role in /etc/q.toml; `quarterdeck config sample` shows every key.",
        ),
    ] {
        assert_eq!(refusal(text), said);
    }
}
