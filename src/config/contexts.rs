//! Contexts: named places to look at, and going from one to another while the console runs.

use super::file::{self, ContextTable, File};
use super::layers::{Layers, Said};
use super::load::assemble;
use super::{ConfigError, Environment, Flags, Invalid, Mode, Settings, nearest};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use toml::Spanned;

/// A context as far as one chooses among several.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContextLine {
    /// Its name.
    pub name: String,
    /// Where it is, as it says itself: region, profile, role, `production`, what it allows.
    pub about: String,
}

/// The colour of a context's frame: the terminal's own, so that they go with its ground.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, strum::Display, strum::EnumIter,
)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
pub enum Frame {
    /// Red.
    Red,
    /// Green.
    Green,
    /// Yellow.
    Yellow,
    /// Blue.
    Blue,
    /// Magenta.
    Magenta,
    /// Cyan.
    Cyan,
}

/// The contexts of a file, in the order of their names.
pub(super) fn lines(file: &File, flags: &Flags) -> Vec<ContextLine> {
    let all = file.contexts.iter().filter(|_| !flags.confined);
    all.map(|(name, table)| ContextLine { name: name.clone(), about: about(table) }).collect()
}

fn about(table: &ContextTable) -> String {
    let role = table.role.as_ref().map(|role| role.0.rsplit('/').next().unwrap_or(&role.0));
    let said = [
        table.production.then(|| "PRODUCTION".to_owned()),
        table.region.as_ref().map(|region| region.0.clone()),
        table.profile.as_ref().map(|profile| format!("profile {}", profile.0)),
        role.map(|role| format!("role {role}")),
        table.endpoint_url.as_ref().map(|url| super::without_password(&url.0)),
        table.mode.filter(|mode| *mode == Mode::Operate).map(|mode| mode.to_string()),
    ];
    said.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

/// The contexts whose fleets are shown beside those of the chosen one. The file's own list holds for
/// every context that has none; whoever is in it is not shown beside itself.
pub(super) fn also(
    layers: &mut Layers,
    file: &File,
    (name, context): (Option<&str>, &ContextTable),
    flags: &Flags,
) -> Vec<String> {
    let names = |list: &Option<Vec<Spanned<String>>>| {
        list.as_ref().map(|all| all.iter().map(|one| one.get_ref().clone()).collect::<Vec<_>>())
    };
    let said = Said::file(names(&file.also)).context(names(&context.also));
    let picked = layers.pick("also", said).unwrap_or_default();
    picked.into_iter().filter(|one| !flags.confined && name != Some(one.as_str())).collect()
}

/// Every context that is to be shown too must stand in the file, once, and not be the one that it is
/// shown beside.
pub(super) fn check_also(path: &Path, text: &str, file: &File) -> Result<(), Invalid> {
    let of_context = file.contexts.iter().map(|(name, table)| (Some(name), &table.also));
    for (owner, list) in [(None, &file.also)].into_iter().chain(of_context) {
        let mut before = BTreeSet::new();
        for one in list.iter().flatten() {
            let name = one.get_ref();
            let problem = if !file.contexts.contains_key(name) {
                format!("there is no [contexts.{name}]")
            } else if owner == Some(name) {
                format!("the fleets of {name} are shown there in any case: leave it out")
            } else if !before.insert(name) {
                format!("{name} is named twice")
            } else {
                continue;
            };
            let known: Vec<String> =
                file.contexts.keys().filter(|known| owner != Some(*known)).cloned().collect();
            return Err(Invalid {
                file: path.to_owned(),
                line: Some(file::line_of(text, one.span().start)),
                key: owner.map_or_else(|| "also".into(), |owner| format!("contexts.{owner}.also")),
                nearest: nearest(name, &known).filter(|_| !file.contexts.contains_key(name)),
                problem,
            });
        }
    }
    Ok(())
}

impl Settings {
    /// The settings of another context: the file is read again, and what the console was started
    /// with is laid over it as far as it is not about a place.
    ///
    /// Whoever names a context while the console runs means what it says now: what it says itself
    /// comes before the variables of a shell that was opened for another. `--region`, `--profile`
    /// and the like belong to the place the console was started for. `--operate` holds where the
    /// context leaves it open, `--read-only` everywhere.
    ///
    /// # Errors
    /// As [`super::load()`]; nothing has changed then.
    pub fn of_context(&self, env: &Environment, name: &str) -> Result<Self, ConfigError> {
        if self.given.confined {
            return Err(ConfigError::UnknownContext { name: name.to_owned(), known: Vec::new() });
        }
        let mut flags = self.given.clone();
        // The same file, whatever the variable says that named it.
        flags.config = self.file.clone().or(flags.config);
        let (path, file) = file::find(env, &flags)?;
        let Some(table) = file.contexts.get(name) else {
            let known = file.contexts.keys().cloned().collect();
            return Err(ConfigError::UnknownContext { name: name.to_owned(), known });
        };
        let flags = Flags {
            context: Some(name.to_owned()),
            region: None,
            profile: None,
            endpoint_url: None,
            namespace: None,
            load_balancer: None,
            dns_server: None,
            operate: flags.operate && table.mode.is_none(),
            ..flags
        };
        let env = without(env, table);
        let mut settings = assemble(file, path, &env, &flags)?;
        settings.given = self.given.clone();
        Ok(settings)
    }
}

/// The environment without what the context says itself.
fn without(env: &Environment, table: &ContextTable) -> Environment {
    let says: BTreeMap<&str, bool> = [
        ("AWS_REGION", table.region.is_some()),
        ("AWS_DEFAULT_REGION", table.region.is_some()),
        ("AWS_PROFILE", table.profile.is_some()),
        ("AWS_ENDPOINT_URL", table.endpoint_url.is_some()),
    ]
    .into();
    env.without(|name| {
        let single = name.starts_with("AWS_ENDPOINT_URL_") && table.endpoint_url.is_some();
        single || says.get(name).copied().unwrap_or_default()
    })
}
