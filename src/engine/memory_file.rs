//! Where [`Memory`] is kept between starts: one small JSON file an account and region. It is a
//! convenience, so a file that cannot be read or written is a warning in the log and nothing else.

use crate::config::Settings;
use crate::core::inventory::Memory;
use crate::core::run::Run;
use crate::exec::state::RunDir;
use crate::machine::Place;

/// Where what is known of an account and region is kept.
pub(super) fn path(settings: &Settings, account: &str, region: &str) -> Place {
    let plain = |text: &str| text.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
    let name =
        if plain(account) && plain(region) { format!("{account}-{region}") } else { "odd".into() };
    settings.state_dir.join("memory").join(format!("{name}.json"))
}

/// So many of the latest runs may have written what is yet to be noticed.
const LATEST: usize = 20;

/// What is remembered of an account and region, and what the latest runs of this host wrote there.
pub(super) fn load(settings: &Settings, account: &str, region: &str) -> Memory {
    let mut memory = read(settings, account, region);
    // Where nothing is remembered, nothing can have changed.
    if !memory.listeners.is_empty() || !memory.attachments.is_empty() {
        let all = RunDir::all(&settings.state_dir).unwrap_or_default();
        let runs = all.iter().rev().take(LATEST);
        let runs = runs.filter_map(|run| Run::fold(&run.told().ok()?.lines));
        let here = runs.filter(|run| run.plan.account == account && run.plan.region == region);
        here.for_each(|run| memory.wrote(run.writes()));
    }
    memory
}

fn read(settings: &Settings, account: &str, region: &str) -> Memory {
    let path = path(settings, account, region);
    let bytes = match path.machine().disk.read(&path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Memory::default(),
        Err(error) => {
            tracing::warn!(path = %path.display(), %error, "nothing could be remembered");
            return Memory::default();
        }
    };
    serde_json::from_slice(&bytes).unwrap_or_else(|error| {
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

fn write(path: &Place, memory: &Memory) -> std::io::Result<()> {
    path.machine().disk.replace(path, &serde_json::to_vec(memory)?)
}
