//! The shared configuration files, looked at before the SDK does. The SDK forgives everything: a
//! file it cannot read or parse and a profile that does not exist all end as "no credentials",
//! twenty lines and ten seconds later.

use super::connect_error::ConnectError;
use super::errors::chain;
use aws_config::profile::{self, ProfileFileLoadError};
use aws_runtime::env_config::file::EnvConfigFiles;
use aws_types::os_shim_internal::{Env, Fs};
use std::io;

/// The variables that move the files, and where the files are otherwise (AWS SDKs and Tools
/// Reference Guide, "Location of the shared config and credentials files").
const FILES: [(&str, &str); 2] =
    [("AWS_CONFIG_FILE", "~/.aws/config"), ("AWS_SHARED_CREDENTIALS_FILE", "~/.aws/credentials")];

/// The profile that may be missing: nobody named it.
const DEFAULT_PROFILE: &str = "default";

/// Checks the files and the chosen profile, and gives the profile's name.
///
/// # Errors
/// A file that is there but cannot be read or understood; a profile that was named and is in
/// neither file.
pub(super) async fn check(profile: Option<&str>) -> Result<String, ConnectError> {
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
    Ok(selected)
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
