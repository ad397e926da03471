//! The flags that every command takes.

use crate::config::{ClockSetting, Flags, parse_clock, parse_timeout};
use clap::Args;
use std::path::PathBuf;
use std::time::Duration;

/// Flags that every command takes.
#[derive(Debug, Args)]
#[command(next_help_heading = "Global options")]
pub(super) struct Global {
    /// The AWS region.
    #[arg(long, global = true)]
    region: Option<String>,
    /// The AWS profile.
    #[arg(long, global = true)]
    profile: Option<String>,
    /// One endpoint for all AWS services.
    #[arg(long, global = true, value_name = "URL")]
    endpoint_url: Option<String>,
    /// A named context of the configuration file.
    #[arg(long, global = true, value_name = "NAME")]
    context: Option<String>,
    /// The configuration file.
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Where memory, runs and journals live.
    #[arg(long, global = true, value_name = "DIR")]
    state_dir: Option<PathBuf>,
    /// Read only this Cloud Map namespace (name or id).
    #[arg(long, global = true, value_name = "NAME")]
    namespace: Option<String>,
    /// Read only this load balancer (name or ARN).
    #[arg(long, global = true, value_name = "NAME")]
    load_balancer: Option<String>,
    /// Ask this resolver for the registry's names: an address, system or none.
    #[arg(long, global = true, value_name = "ADDR")]
    dns_server: Option<String>,
    /// Do not ask the nodes directly.
    #[arg(long, global = true)]
    no_probes: bool,
    /// How long a read command waits for its round, like 30s or 2m.
    #[arg(long, global = true, value_name = "DURATION", value_parser = parse_timeout)]
    timeout: Option<Duration>,
    /// Look only, whatever the context allows.
    #[arg(long, global = true)]
    read_only: bool,
    /// Allow runs to be started; each is still approved.
    #[arg(long, global = true)]
    operate: bool,
    /// No colours.
    #[arg(long, global = true)]
    no_color: bool,
    /// Nothing but ASCII.
    #[arg(long, global = true)]
    ascii: bool,
    /// The keys: default, vim, emacs or minimal; or a file of your own.
    #[arg(long, global = true, value_name = "NAME|FILE")]
    keymap: Option<String>,
    /// The colours: default, high-contrast, greyscale or true-colour; or a file of your own.
    #[arg(long, global = true, value_name = "NAME|FILE")]
    theme: Option<String>,
    /// Run by another clock: the time now, and how many times as fast it runs (TIME@RATE).
    #[arg(long, global = true, value_name = "TIME@RATE", hide = true, value_parser = parse_clock)]
    clock: Option<ClockSetting>,
    /// Record what the console shows to this file, for `quarterdeck replay`.
    #[arg(long, global = true, value_name = "FILE")]
    record: Option<PathBuf>,
    /// Append a log to this file.
    #[arg(long, global = true, value_name = "FILE")]
    log: Option<PathBuf>,
}

impl From<Global> for Flags {
    fn from(global: Global) -> Self {
        Self {
            config: global.config,
            context: global.context,
            region: global.region,
            profile: global.profile,
            endpoint_url: global.endpoint_url,
            state_dir: global.state_dir,
            namespace: global.namespace,
            load_balancer: global.load_balancer,
            record: global.record,
            log: global.log,
            timeout: global.timeout,
            dns_server: global.dns_server,
            no_probes: global.no_probes,
            read_only: global.read_only,
            operate: global.operate,
            no_color: global.no_color,
            ascii: global.ascii,
            keymap: global.keymap,
            theme: global.theme,
            confined: false,
            clock: global.clock,
        }
    }
}
