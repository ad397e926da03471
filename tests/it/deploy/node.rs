//! What is on a node: the files parse, every name they take from the environment is given to them,
//! ports do not collide, and what stops does so in order and in time.

use super::example::{Example, Faults, at, faults, names_in, number, seconds, text};
use super::hcl::Terraform;
use super::units::{Unit, endpoints, flag, words};
use compose_spec::Compose;
use serde_yaml::Value;
use std::collections::{BTreeMap, BTreeSet};

pub const COMPOSE: &str = "node/compose.yaml";
pub const LOKI: &str = "node/loki.yaml";
pub const TEMPO: &str = "node/tempo.yaml";
const GRAFANA: &str = "node/grafana/grafana.ini";
const SOURCES: &str = "node/grafana/provisioning/datasources/glt.yaml";
const USER_DATA: &str = "node/user-data.sh";

/// Every YAML file is one document without a key twice, and compose.yaml is what Compose reads.
pub fn yaml(example: &Example) -> Faults {
    let mut faults = Vec::new();
    for (path, text) in example.ending(".yaml") {
        if let Err(error) = serde_yaml::from_str::<Value>(text) {
            faults.push(format!("{path}: {error}"));
        }
    }
    let compose = serde_yaml::from_str::<Compose>(example.text(COMPOSE));
    faults.extend(compose.err().map(|error| format!("{COMPOSE}: {error}")));
    faults
}

/// grafana.ini: sections once, keys once within them, nothing outside.
pub fn ini(example: &Example) -> Faults {
    settings(example).err().into_iter().collect()
}

fn settings(example: &Example) -> Result<BTreeMap<String, String>, String> {
    let mut section = None;
    let (mut sections, mut keys) = (BTreeSet::new(), BTreeMap::new());
    for line in example.text(GRAFANA).lines().map(str::trim) {
        if line.is_empty() || line.starts_with(';') {
            continue;
        }
        if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            if !sections.insert(name) {
                return Err(format!("{GRAFANA}: [{name}] twice"));
            }
            section = Some(name);
            continue;
        }
        let (Some(section), Some((key, value))) = (section, line.split_once(" = ")) else {
            return Err(format!("{GRAFANA}: {line:?} is neither a section nor a value in one"));
        };
        if keys.insert(format!("{section}.{key}"), value.to_owned()).is_some() {
            return Err(format!("{GRAFANA}: {section}.{key} twice"));
        }
    }
    Ok(keys)
}

/// The services of compose.yaml.
pub fn services(example: &Example) -> Vec<(String, Value)> {
    let compose = example.yaml(COMPOSE);
    let services = at(&compose, "services").as_mapping().cloned().unwrap_or_default();
    services.into_iter().map(|(name, one)| (name.as_str().unwrap_or("?").to_owned(), one)).collect()
}

fn is_product(name: &str) -> bool {
    matches!(name, "grafana" | "loki" | "tempo")
}

fn list(value: &Value, key: &str) -> Vec<String> {
    let items = at(value, key).as_sequence().cloned().unwrap_or_default();
    items.iter().filter_map(|item| item.as_str().map(str::to_owned)).collect()
}

/// Each container: a pinned image, the host's network, files that are there, and the flag that makes
/// a product read its environment (Tempo takes it only with `=true`).
pub fn containers(example: &Example) -> Faults {
    let services = services(example);
    let mut faults = Vec::new();
    let products = services.iter().filter(|(name, _)| is_product(name)).count();
    if products != 3 {
        faults.push(format!("{products} of three products"));
    }
    for (name, service) in &services {
        let mut say = |what: &str| faults.push(format!("{name}: {what}"));
        let tag = at(service, "image").as_str().and_then(|image| image.split_once(':'));
        let dots = if is_product(name) { 2 } else { 0 };
        if !tag.is_some_and(|(_, tag)| {
            tag.starts_with(|c: char| c.is_ascii_digit()) && tag.matches('.').count() >= dots
        }) {
            say("the image is not pinned");
        }
        if at(service, "network_mode").as_str() != Some("host") {
            say("not on the host's network: its ring would advertise an address of a bridge");
        }
        if at(service, "user").is_null() {
            say("runs as whatever user the image says");
        }
        for volume in list(service, "volumes") {
            let from = volume.split(':').next().unwrap_or_default();
            let file = from.strip_prefix("./").map(|file| format!("node/{file}"));
            if file.is_some_and(|file| {
                !example.has(&file)
                    && example.ending("").all(|(path, _)| !path.starts_with(&format!("{file}/")))
            }) {
                say(&format!("there is no {from}"));
            }
        }
        if is_product(name) && list(service, "env_file") != ["/etc/glt/node.env"] {
            say("is not told which node this is");
        }
        if matches!(name.as_str(), "loki" | "tempo")
            && !list(service, "command").contains(&"-config.expand-env=true".to_owned())
        {
            say("does not read names from its environment");
        }
    }
    faults
}

/// The names in /etc/glt/node.env: a line each in user-data.sh.
fn node_env(example: &Example) -> Result<BTreeSet<String>, String> {
    let text = example.text(USER_DATA);
    let (_, rest) = text.split_once("node.env <<END\n").ok_or("user-data.sh writes no node.env")?;
    let (lines, _) = rest.split_once("\nEND\n").ok_or("node.env does not end")?;
    lines
        .lines()
        .map(|line| match line.split_once("=$") {
            Some((name, value)) if name == value => Ok(name.to_owned()),
            _ => Err(format!("user-data.sh: {line:?} is no name with its own value")),
        })
        .collect()
}

/// The names that user-data.sh refuses to go without.
fn required(example: &Example) -> Result<BTreeSet<String>, String> {
    let text = example.text(USER_DATA);
    let (_, rest) = text.split_once("for name in ").ok_or("user-data.sh requires nothing")?;
    let (names, _) = rest.split_once("; do").ok_or("user-data.sh: a loop without a body")?;
    Ok(names.split_whitespace().filter(|word| *word != "\\").map(str::to_owned).collect())
}

/// Every name a configuration takes from its environment is in node.env; every name in node.env is
/// set by Terraform or the node's own, and all that Terraform sets is what user-data.sh requires.
pub fn environment(example: &Example) -> Faults {
    faults(unset(example))
}

fn unset(example: &Example) -> Result<Faults, String> {
    let (given, required) = (node_env(example)?, required(example)?);
    let mut faults = Vec::new();
    let mut taken: Vec<(&str, String)> = Vec::new();
    for path in [LOKI, TEMPO] {
        let names = names_in(example.text(path), "${").map_err(|why| format!("{path}: {why}"))?;
        taken.extend(names.into_iter().map(|name| (path, name)));
    }
    taken.extend(names_in(example.text(GRAFANA), "$__env{")?.into_iter().map(|n| (GRAFANA, n)));
    let sources = example.yaml(SOURCES);
    for source in at(&sources, "datasources").as_sequence().into_iter().flatten() {
        let name = text(source, "secureJsonData.httpHeaderValue1")?;
        taken.push((SOURCES, name.trim_start_matches('$').to_owned()));
    }
    let script = names_in_script(example.text("node/await-termination.sh"));
    taken.extend(script.into_iter().map(|name| ("node/await-termination.sh", name)));
    for name in ["SERVICE_ID", "STACK_ID", "REGION", "SYSTEM_IP_ADDR", "SYSTEM_INSTANCE_ID"] {
        taken.push(("quarterdeck register", name.to_owned()));
    }
    let lacking = taken.iter().filter(|(_, name)| !given.contains(name));
    faults.extend(lacking.map(|(path, name)| format!("{path}: {name} is not in node.env")));
    let idle = given.iter().filter(|name| taken.iter().all(|(_, taken)| taken != *name));
    faults.extend(idle.map(|name| format!("{name} is in node.env, and nobody reads it")));
    let own = ["SYSTEM_IP_ADDR", "SYSTEM_INSTANCE_ID"].map(str::to_owned);
    let unset = given.iter().filter(|name| !required.contains(*name) && !own.contains(name));
    faults.extend(unset.map(|name| format!("{name} is in node.env, and nobody requires it")));
    let terraform = Terraform::of(example)?;
    let settings = super::cross::node_settings(&terraform)?;
    if settings.keys().cloned().collect::<BTreeSet<_>>() != required {
        faults.push(format!(
            "Terraform sets {:?}, user-data.sh requires {required:?}",
            settings.keys()
        ));
    }
    Ok(faults)
}

/// `$NAME` in capitals that the script does not set itself.
fn names_in_script(text: &str) -> BTreeSet<String> {
    let parts = text.split("$").skip(1);
    let names = parts.map(|part| {
        part.chars().take_while(|c| c.is_ascii_uppercase() || *c == '_').collect::<String>()
    });
    names.filter(|name| name.len() > 1).collect()
}

/// Every port on the node that somebody listens on, by who.
pub fn ports(example: &Example) -> Result<BTreeMap<&'static str, u64>, String> {
    let (loki, tempo) = (example.yaml(LOKI), example.yaml(TEMPO));
    let ini = settings(example)?;
    let grafana = ini.get("server.http_port").and_then(|port| port.parse().ok());
    let receiver = |kind: &str| -> Result<u64, String> {
        let place = format!("distributor.receivers.otlp.protocols.{kind}.endpoint");
        let address = text(&tempo, &place)?;
        let port =
            address.strip_prefix("0.0.0.0:").ok_or("an OTLP receiver on one address only")?;
        port.parse().map_err(|_| format!("{address} has no port"))
    };
    let healthz = Unit::of(example, "quarterdeck-healthz.service")?;
    let listen =
        flag(&words(&healthz.one("ExecStart")?), "--listen").ok_or("healthz: no --listen")?;
    Ok(BTreeMap::from([
        ("grafana", grafana.ok_or("grafana.ini: no port")?),
        ("loki", number(&loki, "server.http_listen_port")?),
        ("loki-grpc", number(&loki, "server.grpc_listen_port")?),
        ("loki-gossip", number(&loki, "memberlist.bind_port")?),
        ("tempo", number(&tempo, "server.http_listen_port")?),
        ("tempo-grpc", number(&tempo, "server.grpc_listen_port")?),
        ("tempo-gossip", number(&tempo, "memberlist.bind_port")?),
        ("otlp", receiver("grpc")?),
        ("otlp-http", receiver("http")?),
        ("healthz", port_of(&listen)?),
    ]))
}

fn port_of(address: &str) -> Result<u64, String> {
    let port = address.rsplit_once(':').and_then(|(_, port)| port.split('/').next()?.parse().ok());
    port.ok_or_else(|| format!("{address} has no port"))
}

/// On the host's network no two may have one port; and whoever asks a product asks its port.
pub fn collisions(example: &Example) -> Faults {
    faults(ports(example).and_then(|ports| wrong_ports(example, &ports)))
}

fn wrong_ports(example: &Example, ports: &BTreeMap<&str, u64>) -> Result<Faults, String> {
    let mut faults = Vec::new();
    let mut seen = BTreeMap::new();
    for (who, port) in ports {
        if let Some(other) = seen.insert(port, who) {
            faults.push(format!("{who} and {other} both listen on {port}"));
        }
    }
    let tempo = example.yaml(TEMPO);
    if port_of(text(&tempo, "querier.frontend_worker.frontend_address")?)? != ports["tempo-grpc"] {
        faults.push("Tempo's queries go to a port that is not its own gRPC".into());
    }
    let (compose, unit) = asked(example)?;
    for (by, endpoints) in [("compose", &compose), ("the unit", &unit)] {
        for product in ["grafana", "loki", "tempo"] {
            let url = endpoints.get(product).ok_or(format!("{by} does not name {product}"))?;
            if port_of(url)? != ports[product] {
                faults.push(format!("{by} checks {product} at {url}"));
            }
        }
    }
    if compose != unit {
        faults.push("the aggregator in compose checks something else than the unit".into());
    }
    let sources = example.yaml(SOURCES);
    for source in at(&sources, "datasources").as_sequence().into_iter().flatten() {
        let (kind, url) = (text(source, "type")?, text(source, "url")?);
        if Some(&port_of(url)?) != ports.get(kind) {
            faults.push(format!("Grafana asks {kind} at {url}"));
        }
    }
    Ok(faults)
}

type Endpoints = BTreeMap<String, String>;

/// What the aggregator checks, by product: in compose and in the unit.
fn asked(example: &Example) -> Result<(Endpoints, Endpoints), String> {
    let compose = example.yaml(COMPOSE);
    let names = at(&compose, "services.aggregator.environment").as_mapping().cloned();
    let pairs = names
        .unwrap_or_default()
        .into_iter()
        .filter_map(|(name, url)| Some((name.as_str()?.to_owned(), url.as_str()?.to_owned())));
    let unit = Unit::of(example, "quarterdeck-healthz.service")?;
    Ok((endpoints(pairs), endpoints(unit.environment())))
}

/// Who is asked first to stop, how long each may take, and what waits for whom.
pub fn times(example: &Example) -> Faults {
    faults(out_of_time(example))
}

fn out_of_time(example: &Example) -> Result<Faults, String> {
    let terraform = Terraform::of(example)?;
    let of = |name: &str| terraform.number(name);
    let (interval, failures) = (of("health_check_interval")?, of("health_check_failures")?);
    let (deregistration, hook) = (of("deregistration_delay")?, of("termination_seconds")?);
    let unit = |name: &str| Unit::of(example, name);
    let healthz = unit("quarterdeck-healthz.service")?;
    let drain = |line: &[String]| -> Result<u64, String> {
        seconds(&flag(line, "--drain-seconds").ok_or("healthz: no --drain-seconds")?)
    };
    let drains = drain(&words(&healthz.one("ExecStart")?))?;
    let stop = |name: &str| -> Result<u64, String> { seconds(&unit(name)?.one("TimeoutStopSec")?) };
    let (registration, check) =
        (stop("quarterdeck-register.service")?, stop("quarterdeck-healthz.service")?);
    let stack = stop("glt.service")?;
    let mut faults = Vec::new();
    let mut later = |what: &str, more: u64, than: u64| {
        if more <= than {
            faults.push(format!("{what}: {more} s is not more than {than} s"));
        }
    };
    later("a drain lasts until the load balancer has noticed", drains, interval * failures);
    later("the health check may finish its drain", check, drains);
    let mut longest = 0;
    for (name, service) in services(example) {
        let grace = seconds(text(&service, "stop_grace_period")?)?;
        if is_product(&name) {
            later(
                &format!("{name} outlives drain and deregistration"),
                grace,
                drains + deregistration,
            );
            longest = longest.max(grace);
        } else {
            later(
                &format!("{name} may finish its drain"),
                grace,
                drain(&list(&service, "command"))?,
            );
        }
    }
    later("systemd waits for the containers", stack, longest);
    let all = deregistration + registration + check + stack;
    later("the lifecycle hook holds the instance until all is done", hook, all);
    Ok(faults)
}
