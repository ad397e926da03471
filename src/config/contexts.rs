//! Contexts: named places to look at, and going from one to another while the console runs.

use super::file::{self, ContextTable, File};
use super::load::assemble;
use super::{ConfigError, Environment, Flags, Mode, Settings};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

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
    /// As [`super::load`]; nothing has changed then.
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
