//! Where [`Memory`] is kept between starts: one small JSON file an account and region. It is a
//! convenience, so a file that cannot be read or written is a warning in the log and nothing else.

use crate::config::Settings;
use crate::core::inventory::Memory;
use std::io::Write as _;
use std::path::PathBuf;

/// Where what is known of an account and region is kept.
pub(super) fn path(settings: &Settings, account: &str, region: &str) -> PathBuf {
    let plain = |text: &str| text.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
    let name =
        if plain(account) && plain(region) { format!("{account}-{region}") } else { "odd".into() };
    settings.state_dir.join("memory").join(format!("{name}.json"))
}

/// What is remembered of an account and region.
pub(super) fn load(settings: &Settings, account: &str, region: &str) -> Memory {
    let path = path(settings, account, region);
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Memory::default(),
        Err(error) => {
            tracing::warn!(path = %path.display(), %error, "nothing could be remembered");
            return Memory::default();
        }
    };
    serde_json::from_str(&text).unwrap_or_else(|error| {
        tracing::warn!(path = %path.display(), %error, "what was remembered cannot be read");
        Memory::default()
    })
}

/// Keeps what is remembered, all or nothing: a reader never sees half a file.
pub(super) fn save(settings: &Settings, account: &str, region: &str, memory: &Memory) {
    let path = path(settings, account, region);
    if let Err(error) = write(&path, memory) {
        tracing::warn!(path = %path.display(), %error, "nothing will be remembered");
    }
}

fn write(path: &std::path::Path, memory: &Memory) -> std::io::Result<()> {
    let folder = path.parent().unwrap_or(path);
    std::fs::create_dir_all(folder)?;
    let draft = path.with_extension(format!("{}.draft", std::process::id()));
    let mut file = std::fs::File::create(&draft)?;
    file.write_all(&serde_json::to_vec(memory)?)?;
    file.sync_all()?;
    std::fs::rename(&draft, path)
}
