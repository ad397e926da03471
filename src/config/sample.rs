//! The configuration written out: `config sample` (every key with its default and what it is for)
//! and `config show` (every value in force and where it came from). Both are made from one list of
//! keys and from `Settings`, so they cannot drift from what is read.

use super::file::File;
use super::load::assemble;
use super::values::{without_password, write_duration};
use super::{ConfigError, Environment, Flags, Origin, ProductSettings, Settings};
use crate::core::ids::{ServiceId, StackId};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::time::Duration;

/// A key of the file: its dotted name, what it is for, and an example where there is no default.
struct Key {
    name: &'static str,
    about: &'static str,
    example: &'static str,
}

const fn key(name: &'static str, about: &'static str, example: &'static str) -> Key {
    Key { name, about, example }
}

/// All keys outside `[probes.<product>]`, `[[registry]]` and `[contexts.<name>]`, in file order.
const KEYS: [Key; 30] = [
    key(
        "also",
        "Contexts whose fleets stand in the Fleets table too; a context may have a list of its own.",
        "[\"prod\"]",
    ),
    key("timeout", "How long a read command waits for its full round.", ""),
    key("namespace", "Read only the Cloud Map namespace of this name or id.", "\"glt.internal\""),
    key("load_balancer", "Read only the load balancer of this name or ARN.", "\"front\""),
    key(
        "dns_server",
        "Who is asked for the registry's names: an address, \"system\" or \"none\". Unset: the system,\n# unless an endpoint of your own stands for AWS, of whose names no public resolver knows.",
        "\"10.0.0.2:53\"",
    ),
    key("state_dir", "Where memory, runs and journals live.", "\"~/.local/state/quarterdeck\""),
    key(
        "evidence_dir",
        "Where evidence is written. Unset: below the state directory.",
        "\"~/evidence\"",
    ),
    key("log", "A log file.", "\"~/quarterdeck.log\""),
    key("keymap", "The keys: \"default\", \"vim\", \"emacs\" or \"minimal\".", ""),
    key(
        "keymap_file",
        "Keys of your own, laid over the keymap; unset: keymap.toml beside this file, if any.",
        "\"~/.config/quarterdeck/keymap.toml\"",
    ),
    key(
        "theme",
        "The colours: \"default\" (16, your terminal's own), \"high-contrast\", \"greyscale\" or \"true-colour\".",
        "",
    ),
    key(
        "theme_file",
        "Styles of your own, laid over the theme; unset: theme.toml beside this file, if any.",
        "\"~/.config/quarterdeck/theme.toml\"",
    ),
    key("color", "Whether colours may be used (NO_COLOR turns them off as well).", ""),
    key("ascii", "Whether to keep to ASCII. By default where the locale is not UTF-8.", "true"),
    key("aws.region", "Unset: as every AWS tool finds it.", "\"us-west-2\""),
    key("aws.profile", "Unset: as every AWS tool finds it.", "\"oncall\""),
    key("aws.endpoint_url", "One endpoint for all services.", "\"http://127.0.0.1:5000\""),
    key("aws.call_timeout", "How long one call may take, connection included.", ""),
    key("cadence.cloudmap", "Members of each registry service.", ""),
    key("cadence.autoscaling", "Auto Scaling groups.", ""),
    key("cadence.elbv2", "Listeners and target health.", ""),
    key("cadence.ec2", "Addresses and states of instances.", ""),
    key("cadence.probes", "Probes of a node.", ""),
    key("cadence.slow", "What changes rarely: services, attributes, activities.", ""),
    key("probes.enabled", "Whether nodes are asked directly at all.", ""),
    key("probes.timeout", "How long one request may take, connection included.", ""),
    key(
        "probes.proxy",
        "For nodes that cannot be reached directly.",
        "\"socks5://127.0.0.1:1080\"",
    ),
    key(
        "webhook.url",
        "Told of each run as JSON (POST): start, gate, hold, regression, take_over, done.",
        "\"https://chat.example/hooks/oncall\"",
    ),
    key("webhook.timeout", "How long one of three tries may take; no run waits for it.", "\"5s\""),
    key("registry", "", ""),
];

/// Tables that exist only where the operator writes them.
const EXAMPLES: &str = "\
# A product of your own on every node: port and path are needed. Paths on which a server might act
# (shutdown, flush, prepare_*, …) are refused.
#[probes.mimir]
#port = 9009
#path = \"/ready\"
#status = [200]
#scheme = \"http\"
#optional = false

# A registry service that is ours whatever its members say, and the fleets that belong in it.
#[[registry]]
#service = \"srv-0123456789abcdef\"
#stacks = [\"blue-412\", \"green-413\"]

# A named set of the above, chosen by --context, by `context` at the top of this file,
# or while the console runs by `:context NAME`.
#[contexts.prod]
#region = \"us-west-2\"
#profile = \"oncall\"
#role = \"arn:aws:iam::123456789012:role/oncall\"   # assumed with the profile's credentials
#endpoint_url = \"https://vpce.example\"
#production = true       # said in a word, and every rule is double
#frame = \"red\"          # colours head and rules: red, green, yellow, blue, magenta or cyan
#namespace = \"glt.internal\"
#load_balancer = \"front\"
#mode = \"read-only\"
#also = [\"east\"]         # these contexts' fleets stand in the Fleets table too
#[contexts.east]
#region = \"us-east-1\"
";

/// A configuration file with every key: those with a default hold it, the others stand commented
/// out (`#key`, while explanations start with `# `).
///
/// # Errors
/// None in practice; the defaults take the same way as a configured file.
pub fn sample() -> Result<String, ConfigError> {
    let home: Environment = [("HOME", "~")].into_iter().collect();
    let defaults = assemble(File::default(), None, &home, &Flags::default())?;
    let mut values = values(&defaults);
    // Where the state lives depends on the user, and what the terminal can show on the locale: both
    // are left to be found.
    values.remove("state_dir");
    values.remove("evidence_dir");
    values.remove("ascii");
    let mut text = String::from("# quarterdeck's configuration. Every key may be left out.\n");
    let mut table = "";
    for key in KEYS.iter().filter(|key| !key.about.is_empty()) {
        let (section, name) = key.name.split_once('.').unwrap_or(("", key.name));
        if section != table {
            let _ = write!(text, "\n[{section}]\n");
            table = section;
        }
        let _ = match values.get(key.name) {
            Some(value) => write!(text, "# {}\n{name} = {value}\n", key.about),
            None => write!(text, "# {}\n#{name} = {}\n", key.about, key.example),
        };
    }
    for product in &defaults.probes.products {
        let _ = write!(text, "\n[probes.{}]\n", product.product);
        for (name, value) in product_values(product) {
            let _ = writeln!(text, "{name} = {value}");
        }
    }
    Ok(format!("{text}\n{EXAMPLES}"))
}

/// Every value in force, as TOML with its origin behind it.
pub fn show(settings: &Settings) -> String {
    let mut lines = Vec::new();
    if let Some(context) = &settings.context {
        lines.push((format!("context = {}", quote(context)), origin(settings, "context")));
        let mode = format!("# mode: {}, production: {}", settings.mode, settings.production);
        lines.push((mode, origin(settings, "mode")));
        if let Some(role) = &settings.aws.role {
            lines.push((format!("# role: {}", quote(role)), origin(settings, "aws.role")));
        }
    }
    let values = values(settings);
    for key in &KEYS {
        lines.push(match values.get(key.name) {
            Some(value) => (format!("{} = {value}", key.name), origin(settings, key.name)),
            None => (format!("# {}", key.name), unset(settings, key.name)),
        });
    }
    for product in &settings.probes.products {
        for (name, value) in product_values(product) {
            let name = format!("probes.{}.{name}", product.product);
            let origin = origin(settings, &name);
            lines.push((format!("{name} = {value}"), origin));
        }
    }
    let width = lines.iter().map(|(line, _)| line.chars().count()).max().unwrap_or_default();
    lines.iter().map(|(line, origin)| format!("{line:width$}  # {origin}\n")).collect()
}

fn origin(settings: &Settings, name: &str) -> String {
    settings.origins.get(name).unwrap_or(&Origin::Default).to_string()
}

fn unset(settings: &Settings, name: &str) -> String {
    match settings.origins.get(name) {
        None | Some(Origin::Default) => "unset".into(),
        Some(origin) => format!("left to the AWS SDK by {origin}"),
    }
}

/// The values of `KEYS` that are set, as TOML.
fn values(settings: &Settings) -> BTreeMap<&'static str, String> {
    let Settings { aws, cadence, probes, .. } = settings;
    let path = |path: &std::path::Path| quote(&path.to_string_lossy());
    let text = |text: &Option<String>| text.as_deref().map(quote);
    let url = |url: &Option<String>| url.as_deref().map(|url| quote(&without_password(url)));
    let span = |span: Duration| Some(quote(&write_duration(span)));
    let all = [
        ("also", (!settings.also.is_empty()).then(|| list(&settings.also))),
        ("timeout", span(settings.timeout)),
        ("namespace", text(&settings.namespace)),
        ("load_balancer", text(&settings.load_balancer)),
        ("dns_server", dns(settings)),
        ("state_dir", Some(path(&settings.state_dir))),
        ("evidence_dir", Some(path(&settings.evidence_dir))),
        ("log", settings.log.as_deref().map(path)),
        ("keymap", Some(quote(&settings.keymap.name))),
        ("keymap_file", settings.keymap.file.as_deref().map(path)),
        ("theme", Some(quote(&settings.theme.name))),
        ("theme_file", settings.theme.file.as_deref().map(path)),
        ("color", Some(settings.color.to_string())),
        ("ascii", Some(settings.ascii.to_string())),
        ("aws.region", text(&aws.region)),
        ("aws.profile", text(&aws.profile)),
        ("aws.endpoint_url", url(&aws.endpoint_url)),
        ("aws.call_timeout", span(aws.call_timeout)),
        ("cadence.cloudmap", span(cadence.cloudmap)),
        ("cadence.autoscaling", span(cadence.autoscaling)),
        ("cadence.elbv2", span(cadence.elbv2)),
        ("cadence.ec2", span(cadence.ec2)),
        ("cadence.probes", span(cadence.probes)),
        ("cadence.slow", span(cadence.slow)),
        ("probes.enabled", Some(probes.enabled.to_string())),
        ("probes.timeout", span(probes.timeout)),
        ("probes.proxy", url(&probes.proxy)),
        ("webhook.url", settings.webhook.as_ref().map(|of| quote(&host_of(&of.url)))),
        ("webhook.timeout", settings.webhook.as_ref().and_then(|of| span(of.timeout))),
        ("registry", (!settings.registry.is_empty()).then(|| registry(settings))),
    ];
    all.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
}

/// A webhook's URL without what may be its token: the path and whatever stands before the host.
fn host_of(url: &str) -> String {
    let (scheme, rest) = url.split_once("://").unwrap_or(("", url));
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = host.rsplit('@').next().unwrap_or_default();
    format!("{scheme}://{host}/…")
}

/// The resolver, where somebody chose one.
fn dns(settings: &Settings) -> Option<String> {
    let chosen = settings.origins.get("dns_server").is_some_and(|of| *of != Origin::Default);
    chosen.then(|| quote(&settings.dns.to_string()))
}

fn registry(settings: &Settings) -> String {
    let one = |(service, stacks): (&ServiceId, &BTreeSet<StackId>)| {
        let stacks: Vec<_> = stacks.iter().map(|id| quote(id.as_str())).collect();
        format!("{{ service = {}, stacks = [{}] }}", quote(service.as_str()), stacks.join(", "))
    };
    format!("[{}]", settings.registry.iter().map(one).collect::<Vec<_>>().join(", "))
}

fn product_values(product: &ProductSettings) -> [(&'static str, String); 5] {
    let status: Vec<_> = product.status.iter().map(u16::to_string).collect();
    [
        ("port", product.port.to_string()),
        ("path", quote(product.path.as_str())),
        ("status", format!("[{}]", status.join(", "))),
        ("scheme", quote(if product.tls { "https" } else { "http" })),
        ("optional", product.optional.to_string()),
    ]
}

/// A TOML array of strings.
fn list(names: &[String]) -> String {
    format!("[{}]", names.iter().map(|name| quote(name)).collect::<Vec<_>>().join(", "))
}

/// A TOML basic string.
fn quote(text: &str) -> String {
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            c if c.is_control() => {
                let _ = write!(quoted, "\\u{:04X}", u32::from(c));
            }
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}
