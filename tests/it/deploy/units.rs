//! The systemd units: who starts after whom (and so stops before), what they run, and that the
//! program has the commands and flags they run it with.

use super::example::{Example, Faults, at, faults};
use super::node::{COMPOSE, services};
use std::collections::BTreeMap;

/// A unit as key and value, in order; a key may come several times.
pub struct Unit {
    name: String,
    lines: Vec<(String, String)>,
}

impl Unit {
    pub fn of(example: &Example, name: &str) -> Result<Self, String> {
        let path = format!("systemd/{name}");
        if !example.has(&path) {
            return Err(format!("there is no {path}"));
        }
        let lines = example.text(&path).lines();
        let plain = lines.filter(|line| !line.starts_with(['#', '[']) && !line.trim().is_empty());
        let pair = |line: &str| match line.split_once('=') {
            Some((key, value)) => Ok((key.to_owned(), value.to_owned())),
            None => Err(format!("{path}: {line:?} is no setting")),
        };
        Ok(Self { name: name.to_owned(), lines: plain.map(pair).collect::<Result<_, _>>()? })
    }

    pub fn all(example: &Example) -> Result<Vec<Self>, String> {
        let names = example.ending(".service").filter_map(|(path, _)| path.rsplit('/').next());
        names.map(|name| Self::of(example, name)).collect()
    }

    /// The values of a key, those on one line too.
    fn values<'a>(&'a self, key: &'a str) -> impl Iterator<Item = &'a str> {
        let lines = self.lines.iter().filter(move |(name, _)| name == key);
        lines.flat_map(|(_, value)| value.split_whitespace())
    }

    /// The value of a key that comes once.
    pub fn one(&self, key: &str) -> Result<String, String> {
        let mut found = self.lines.iter().filter(|(name, _)| name == key);
        match (found.next(), found.next()) {
            (Some((_, value)), None) => Ok(value.clone()),
            _ => Err(format!("{}: {key} is not there once", self.name)),
        }
    }

    /// `Environment=` as pairs.
    pub fn environment(&self) -> impl Iterator<Item = (String, String)> {
        let pairs = self.values("Environment").filter_map(|pair| pair.split_once('='));
        pairs.map(|(name, value)| (name.to_owned(), value.to_owned()))
    }

    fn needs(&self, key: &str, other: &str) -> Option<String> {
        let has = self.values(key).any(|name| name == other);
        (!has).then(|| format!("{}: no {key}={other}", self.name))
    }
}

/// `…_ENDPOINT` variables by product.
pub fn endpoints(pairs: impl Iterator<Item = (String, String)>) -> BTreeMap<String, String> {
    let product = |name: &str| name.strip_suffix("_ENDPOINT").map(str::to_lowercase);
    pairs.filter_map(|(name, url)| Some((product(&name)?, url))).collect()
}

pub fn words(line: &str) -> Vec<String> {
    line.split_whitespace().map(str::to_owned).collect()
}

/// The value of a flag, written with `=` or with a blank.
pub fn flag(words: &[String], name: &str) -> Option<String> {
    let mut rest = words.iter().skip_while(|word| word.split('=').next() != Some(name));
    let found = rest.next()?;
    found.split_once('=').map(|(_, value)| value.to_owned()).or_else(|| rest.next().cloned())
}

/// Containers, then the health check, then the registration; stopping is the reverse. Each of them
/// is started at boot, and by user-data.sh the first time.
pub fn order(example: &Example) -> Faults {
    faults(disorder(example))
}

fn disorder(example: &Example) -> Result<Faults, String> {
    let units = Unit::all(example)?;
    let [stack, healthz, register] =
        ["glt.service", "quarterdeck-healthz.service", "quarterdeck-register.service"];
    let of = |name: &str| Unit::of(example, name);
    let mut faults: Faults = [
        of(stack)?.needs("After", "docker.service"),
        of(stack)?.needs("Requires", "docker.service"),
        of(healthz)?.needs("After", stack),
        // So stopping the stack stops these first.
        of(healthz)?.needs("PartOf", stack),
        of(register)?.needs("After", healthz),
        of(register)?.needs("After", stack),
        of(register)?.needs("Requires", stack),
    ]
    .into_iter()
    .flatten()
    .collect();
    if !of(register)?.one("ExecStop")?.ends_with(" register --leave") {
        faults.push("a stop does not leave the registry".into());
    }
    let names: Vec<_> = units.iter().map(|unit| unit.name.as_str()).collect();
    let known = |name: &str| {
        names.contains(&name) || matches!(name, "docker.service" | "network-online.target")
    };
    let user_data = example.text("node/user-data.sh");
    let (_, enabled) = user_data.split_once("systemctl enable --now").unwrap_or_default();
    for unit in &units {
        for key in ["After", "Before", "Requires", "Wants", "PartOf", "BindsTo"] {
            let strangers = unit.values(key).filter(|name| !known(name));
            faults.extend(strangers.map(|name| format!("{}: {key}={name}?", unit.name)));
        }
        faults.extend(unit.needs("WantedBy", "multi-user.target"));
        if !enabled.contains(&unit.name) {
            faults.push(format!("user-data.sh does not enable {}", unit.name));
        }
        for program in ["ExecStart", "ExecStop"].iter().flat_map(|key| unit.values(key).take(1)) {
            let installed = user_data.lines().any(|line| line.ends_with(&format!(" {program}")));
            if program != "/usr/bin/docker" && !installed {
                faults.push(format!("{}: nobody installs {program}", unit.name));
            }
        }
    }
    if !example.text("node/await-termination.sh").contains(&format!("\nsystemctl stop {stack}\n")) {
        faults.push("termination does not stop the stack".into());
    }
    Ok(faults)
}

/// In compose, too, the aggregator stops before what it checks.
pub fn aggregator(example: &Example) -> Faults {
    let compose = example.yaml(COMPOSE);
    let waits = at(&compose, "services.aggregator.depends_on").as_sequence().cloned();
    let waits = waits.unwrap_or_default();
    let products = ["grafana", "loki", "tempo"];
    let lacking =
        products.iter().filter(|name| !waits.iter().any(|one| one.as_str() == Some(name)));
    lacking.map(|name| format!("compose stops {name} before its health check")).collect()
}

/// Every way the program is run, as arguments.
pub fn invocations(example: &Example) -> Result<Vec<Vec<String>>, String> {
    let mut found = Vec::new();
    for unit in Unit::all(example)? {
        for key in ["ExecStart", "ExecStop"] {
            let lines = unit.lines.iter().filter(|(name, _)| name == key);
            found.extend(lines.map(|(_, line)| words(line)));
        }
    }
    for (_, service) in services(example) {
        let command = at(&service, "command").as_sequence().cloned().unwrap_or_default();
        found.push(command.iter().filter_map(|word| word.as_str().map(str::to_owned)).collect());
    }
    found.retain(|line| line.first().is_some_and(|program| program.ends_with("/quarterdeck")));
    Ok(found.into_iter().map(|line| line[1..].to_vec()).collect())
}

/// The flags of a command line that the command's help does not list.
pub fn unknown_flags(line: &[String], help: &str) -> Faults {
    let listed: Vec<_> = help.split([' ', ',', '\n', '=', '[', ']']).collect();
    let flags = line.iter().filter(|word| word.starts_with("--"));
    let names = flags.map(|word| word.split('=').next().unwrap_or(word));
    names.filter(|name| !listed.contains(name)).map(|name| format!("no {name}")).collect()
}
