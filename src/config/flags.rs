//! What the command line may set, as plain values: `cli` fills it, `load` layers it over the rest.

use super::ClockSetting;
use std::path::PathBuf;
use std::time::Duration;

/// The global flags. `None` and `false` mean "not given".
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Flags {
    /// `--config`.
    pub config: Option<PathBuf>,
    /// `--context`.
    pub context: Option<String>,
    /// `--region`.
    pub region: Option<String>,
    /// `--profile`.
    pub profile: Option<String>,
    /// `--endpoint-url`.
    pub endpoint_url: Option<String>,
    /// `--state-dir`.
    pub state_dir: Option<PathBuf>,
    /// `--namespace`.
    pub namespace: Option<String>,
    /// `--load-balancer`.
    pub load_balancer: Option<String>,
    /// `--record`.
    pub record: Option<PathBuf>,
    /// `--log`.
    pub log: Option<PathBuf>,
    /// `--timeout`.
    pub timeout: Option<Duration>,
    /// `--dns-server`.
    pub dns_server: Option<String>,
    /// `--no-probes`.
    pub no_probes: bool,
    /// `--read-only`.
    pub read_only: bool,
    /// `--operate`.
    pub operate: bool,
    /// `--no-color`.
    pub no_color: bool,
    /// `--ascii`.
    pub ascii: bool,
    /// `--keymap`.
    pub keymap: Option<String>,
    /// `--theme`.
    pub theme: Option<String>,
    /// No flag: `captive` says so. The place is not the client's to choose, so no other context can
    /// be gone to.
    pub confined: bool,
    /// `--clock`.
    pub clock: Option<ClockSetting>,
}
