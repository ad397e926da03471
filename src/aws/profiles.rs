//! The shared configuration files, looked at before the SDK does. The SDK forgives everything: a
//! file it cannot read or parse and a profile that does not exist all end as "no credentials",
//! twenty lines and ten seconds later.

use super::connect_error::ConnectError;
use super::errors::chain;
use aws_config::profile::{self, ProfileFileLoadError};
use aws_runtime::env_config::file::EnvConfigFiles;
use aws_runtime::env_config::section::EnvConfigSections;
use aws_types::os_shim_internal::{Env, Fs};
use std::io;

/// The variables that move the files, and where the files are otherwise (AWS SDKs and Tools
/// Reference Guide, "Location of the shared config and credentials files").
const FILES: [(&str, &str); 2] =
    [("AWS_CONFIG_FILE", "~/.aws/config"), ("AWS_SHARED_CREDENTIALS_FILE", "~/.aws/credentials")];

/// The profile that may be missing: nobody named it.
const DEFAULT_PROFILE: &str = "default";

/// A profile, and how one logs in to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Profile {
    /// Its name.
    pub(super) name: String,
    /// How one logs in to it.
    pub(super) login: Login,
}

impl Profile {
    /// None: where the keys are given, no file is read.
    pub(super) fn none() -> Self {
        Self { name: DEFAULT_PROFILE.to_owned(), login: Login::Environment }
    }
}

/// How one logs in to a profile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Login {
    /// With `aws sso login`, for this profile: its own, or the one it takes its credentials from.
    Sso(String),
    /// Somebody writes keys into the files, or a process hands them out.
    Files,
    /// The keys are in the environment of this process, which nobody can change any more.
    Environment,
}

impl Login {
    /// What to do when the credentials are over, as a fragment.
    pub(super) fn remedy(&self, profile: &str, named: bool) -> String {
        match self {
            Self::Sso(of) => format!("run `aws sso login --profile {of}`"),
            Self::Environment if !named => "export new credentials and start again".to_owned(),
            Self::Files | Self::Environment => {
                format!("renew the credentials of the profile {profile}")
            }
        }
    }
}

/// What makes a profile one of AWS's single sign-on.
const SSO_KEYS: [&str; 2] = ["sso_session", "sso_start_url"];
/// Profiles refer to one another; nobody does so more often.
const MOST_SOURCES: usize = 8;

fn login(sections: &EnvConfigSections, selected: &str, env: &Env) -> Login {
    let mut name = selected.to_owned();
    for _ in 0..MOST_SOURCES {
        let Some(profile) = sections.get_profile(&name) else { break };
        if SSO_KEYS.iter().any(|key| profile.get(key).is_some()) {
            return Login::Sso(name);
        }
        match profile.get("source_profile") {
            Some(source) if source != name => name = source.to_owned(),
            _ => break,
        }
    }
    if env.get("AWS_ACCESS_KEY_ID").is_ok() { Login::Environment } else { Login::Files }
}

/// Checks the files and the chosen profile, and gives the profile.
///
/// # Errors
/// A file that is there but cannot be read or understood; a profile that was named and is in
/// neither file.
pub(super) async fn check(profile: Option<&str>) -> Result<Profile, ConnectError> {
    let (env, fs) = (Env::real(), Fs::real());
    for (variable, usual) in FILES {
        readable(&fs, &path(&env, variable, usual)).await?;
    }
    let named = profile.map(|name| name.to_owned().into());
    let sections = profile::load(&fs, &env, &EnvConfigFiles::default(), named)
        .await
        .map_err(|error| malformed(&error))?;
    let selected = sections.selected_profile().to_owned();
    if selected != DEFAULT_PROFILE && sections.get_profile(&selected).is_none() {
        let mut known: Vec<_> = sections.profiles().map(str::to_owned).collect();
        known.sort();
        return Err(ConnectError::NoSuchProfile { name: selected, known });
    }
    let login = login(&sections, &selected, &env);
    Ok(Profile { name: selected, login })
}

fn path(env: &Env, variable: &str, usual: &str) -> String {
    let path = env.get(variable).unwrap_or_else(|_| usual.to_owned());
    match (path.strip_prefix("~/"), env.get("HOME")) {
        (Some(rest), Ok(home)) => format!("{home}/{rest}"),
        _ => path,
    }
}

/// A file that is not there is no error, for any AWS tool.
async fn readable(fs: &Fs, path: &str) -> Result<(), ConnectError> {
    let why = match fs.read_to_end(path).await {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => error.to_string(),
        Ok(bytes) if std::str::from_utf8(&bytes).is_err() => "it is not UTF-8 text".to_owned(),
        Ok(_) => return Ok(()),
    };
    Err(ConnectError::ConfigFile { what: path.to_owned(), why })
}

fn malformed(error: &ProfileFileLoadError) -> ConnectError {
    ConnectError::ConfigFile { what: "the shared AWS configuration".to_owned(), why: chain(error) }
}
