//! The configuration file's own shape, and the way from its text to it. Every key is optional;
//! unknown keys are errors. Defaults do not stand here but in `load`.

use super::contexts;
use super::error::{ConfigError, Invalid, nearest};
use super::settings::Mode;
use super::values::{
    CheckedPath, DnsServer, Endpoint, Interval, Name, Proxy, Region, RequestLimit, Role, Service,
    Statuses, Timeout,
};
use super::{Environment, Flags, Frame};
use serde::Deserialize;
use serde::de::{DeserializeSeed, Error as _, MapAccess, Visitor};
use std::collections::BTreeMap;
use std::num::NonZeroU16;
use std::path::{Path, PathBuf};
use toml::Spanned;

/// The whole file.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct File {
    pub context: Option<Spanned<String>>,
    pub also: Option<Vec<Spanned<String>>>,
    pub timeout: Option<Timeout>,
    pub namespace: Option<Name>,
    pub load_balancer: Option<Name>,
    pub dns_server: Option<DnsServer>,
    pub state_dir: Option<Name>,
    pub evidence_dir: Option<Name>,
    pub log: Option<Name>,
    pub keymap: Option<Name>,
    pub keymap_file: Option<Name>,
    pub theme: Option<Name>,
    pub theme_file: Option<Name>,
    pub color: Option<bool>,
    pub ascii: Option<bool>,
    pub aws: AwsTable,
    pub cadence: CadenceTable,
    pub probes: ProbesTable,
    pub webhook: WebhookTable,
    pub registry: Vec<RegistryTable>,
    pub contexts: BTreeMap<String, ContextTable>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct AwsTable {
    pub region: Option<Region>,
    pub profile: Option<Name>,
    pub endpoint_url: Option<Endpoint>,
    pub call_timeout: Option<RequestLimit>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct CadenceTable {
    pub cloudmap: Option<Interval>,
    pub autoscaling: Option<Interval>,
    pub elbv2: Option<Interval>,
    pub ec2: Option<Interval>,
    pub probes: Option<Interval>,
    pub slow: Option<Interval>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct WebhookTable {
    pub url: Option<Endpoint>,
    pub timeout: Option<RequestLimit>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RegistryTable {
    pub service: Service,
    #[serde(default)]
    pub stacks: Vec<Name>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct ContextTable {
    pub region: Option<Region>,
    pub profile: Option<Name>,
    pub role: Option<Role>,
    pub endpoint_url: Option<Endpoint>,
    pub production: bool,
    pub frame: Option<Frame>,
    pub namespace: Option<Name>,
    pub load_balancer: Option<Name>,
    pub mode: Option<Mode>,
    pub also: Option<Vec<Spanned<String>>>,
}

/// `http` or `https`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Scheme {
    Http,
    Https,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default, expecting = "a product's table")]
pub(super) struct ProductTable {
    pub port: Option<NonZeroU16>,
    pub path: Option<CheckedPath>,
    pub status: Option<Statuses>,
    pub scheme: Option<Scheme>,
    pub optional: Option<bool>,
}

/// `[probes]`: three keys of its own, and a table for each product by name.
#[derive(Debug, Default)]
pub(super) struct ProbesTable {
    pub enabled: Option<bool>,
    pub timeout: Option<RequestLimit>,
    pub proxy: Option<Proxy>,
    pub products: BTreeMap<String, ProductTable>,
}

// By hand, because serde's `flatten` would do it with messages that name neither line nor key.
impl<'de> Deserialize<'de> for ProbesTable {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(ProbesVisitor)
    }
}

struct ProbesVisitor;

impl<'de> Visitor<'de> for ProbesVisitor {
    type Value = ProbesTable;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a table")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<ProbesTable, A::Error> {
        let mut table = ProbesTable::default();
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                "enabled" => table.enabled = Some(map.next_value()?),
                "timeout" => table.timeout = Some(map.next_value()?),
                "proxy" => table.proxy = Some(map.next_value()?),
                product => {
                    let settings = map.next_value_seed(ProductSeed(product))?;
                    table.products.insert(key, settings);
                }
            }
        }
        Ok(table)
    }
}

/// Reads and checks a product's table where its name is known, so that the error bears its path.
struct ProductSeed<'a>(&'a str);

impl<'de> DeserializeSeed<'de> for ProductSeed<'_> {
    type Value = ProductTable;

    fn deserialize<D: serde::Deserializer<'de>>(self, table: D) -> Result<ProductTable, D::Error> {
        let table = ProductTable::deserialize(table)?;
        check_product(self.0, &table).map_err(D::Error::custom)?;
        Ok(table)
    }
}

/// A product we know has defaults for what is left out; any other must say where it answers.
fn check_product(name: &str, table: &ProductTable) -> Result<(), String> {
    let known = super::default_products().iter().any(|one| one.product.as_str() == name);
    match (known, &table.port, &table.path) {
        (true, _, _) | (false, Some(_), Some(_)) => Ok(()),
        (false, None, _) => Err(format!("the product {name:?} is not built in and needs a port")),
        (false, _, None) => Err(format!("the product {name:?} is not built in and needs a path")),
    }
}

/// Finds and reads the file: `--config`, else QUARTERDECK_CONFIG, else the user's own, which need
/// not exist.
pub(super) fn find(
    env: &Environment,
    flags: &Flags,
) -> Result<(Option<PathBuf>, File), ConfigError> {
    if let Some(path) = flags.config.clone().or_else(|| env.path("QUARTERDECK_CONFIG")) {
        let file = read(&path)?;
        return Ok((Some(path), file));
    }
    let Some(home) = env.config_home() else { return Ok((None, File::default())) };
    let path = home.join("quarterdeck/config.toml");
    match read(&path) {
        Ok(file) => Ok((Some(path), file)),
        Err(ConfigError::Unreadable { source, .. }) if is_absence(&source) => {
            Ok((None, File::default()))
        }
        Err(error) => Err(error),
    }
}

fn is_absence(error: &std::io::Error) -> bool {
    matches!(error.kind(), std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory)
}

fn read(path: &Path) -> Result<File, ConfigError> {
    let text = std::fs::read_to_string(path)
        .map_err(|source| ConfigError::Unreadable { path: path.to_owned(), source })?;
    parse(path, &text).map_err(|invalid| ConfigError::Invalid(Box::new(invalid)))
}

/// Reads the text of a file.
pub(super) fn parse(path: &Path, text: &str) -> Result<File, Invalid> {
    let deserializer =
        toml::Deserializer::parse(text).map_err(|error| invalid(path, text, "", &error))?;
    let file: File = serde_path_to_error::deserialize(deserializer)
        .map_err(|error| invalid(path, text, &error.path().to_string(), error.inner()))?;
    check_context(path, text, &file)?;
    contexts::check_also(path, text, &file)?;
    Ok(file)
}

/// The context chosen in the file must stand in the file.
fn check_context(path: &Path, text: &str, file: &File) -> Result<(), Invalid> {
    let Some(chosen) = &file.context else { return Ok(()) };
    if file.contexts.contains_key(chosen.get_ref()) {
        return Ok(());
    }
    let known: Vec<String> = file.contexts.keys().cloned().collect();
    Err(Invalid {
        file: path.to_owned(),
        line: Some(line_of(text, chosen.span().start)),
        key: "context".into(),
        problem: format!("there is no [contexts.{}]", chosen.get_ref()),
        nearest: nearest(chosen.get_ref(), &known),
    })
}

fn invalid(path: &Path, text: &str, key: &str, error: &toml::de::Error) -> Invalid {
    // serde_path_to_error writes `.` for the document itself.
    let key = if key == "." { "" } else { key };
    let message = error.message().lines().collect::<Vec<_>>().join(" ");
    let mut invalid = Invalid {
        file: path.to_owned(),
        line: error.span().map(|span| line_of(text, span.start)),
        key: key.to_owned(),
        problem: message.clone(),
        nearest: None,
    };
    if message.starts_with("duplicate key") {
        name_second(&mut invalid, text);
    } else if let Some((unknown, known)) = unknown_and_known(&message) {
        name_unknown(&mut invalid, &unknown, &known, message.starts_with("unknown field"));
    } else if let Some(name) = key.strip_prefix("probes.") {
        name_odd_product(&mut invalid, name);
    }
    invalid
}

/// The unknown word and the known ones, out of serde's message: ``unknown field `a`, expected one
/// of `b`, `c` `` (tests hold this shape).
fn unknown_and_known(message: &str) -> Option<(String, Vec<String>)> {
    if !message.starts_with("unknown field") && !message.starts_with("unknown variant") {
        return None;
    }
    let mut words = message.split('`').skip(1).step_by(2).map(str::to_owned);
    let unknown = words.next()?;
    Some((unknown, words.collect()))
}

/// What stands twice, by what stands on its line: the parser names neither.
fn name_second(invalid: &mut Invalid, text: &str) {
    let line = invalid.line.and_then(|line| text.lines().nth(line.checked_sub(1)?));
    let what = line.map(|line| line.split('=').next().unwrap_or(line).trim());
    let what = what.unwrap_or("a key");
    invalid.problem = format!("{what} stands here for the second time");
}

fn name_unknown(invalid: &mut Invalid, unknown: &str, known: &[String], is_key: bool) {
    let list = known.join(", ");
    if !is_key {
        invalid.problem = format!("{unknown:?} is none of {list}");
        invalid.nearest = nearest(unknown, known);
        return;
    }
    let parent = match invalid.key.as_str() {
        key if key == unknown => "",
        key => key.strip_suffix(&format!(".{unknown}")).unwrap_or(key),
    };
    let full = |key: &str| if parent.is_empty() { key.into() } else { format!("{parent}.{key}") };
    invalid.nearest = nearest(unknown, known).map(|near| full(&near));
    invalid.problem = format!("unknown key (known here: {list})");
    invalid.key = full(unknown);
}

/// A key below `[probes]` that is no product's table is most often one of its own keys misspelt,
/// or a product's name.
fn name_odd_product(invalid: &mut Invalid, name: &str) {
    let products = super::default_products();
    let known: Vec<String> = ["enabled", "timeout", "proxy"]
        .into_iter()
        .chain(products.iter().map(|one| one.product.as_str()))
        .map(str::to_owned)
        .collect();
    if known.iter().any(|one| one == name) || name.contains('.') {
        return;
    }
    invalid.nearest = nearest(name, &known).map(|near| format!("probes.{near}"));
}

/// The line of a byte offset, from 1.
pub(super) fn line_of(text: &str, offset: usize) -> usize {
    text.bytes().take(offset).filter(|byte| *byte == b'\n').count() + 1
}
