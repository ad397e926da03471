//! The merger: layers become `Settings`, one small function a section. A rule of its own stands in
//! `values`, the order of the layers in `layers`, the file's shape in `file`.

use super::contexts;
use super::file::{self, ContextTable, File, ProductTable, Scheme};
use super::layers::{Layers, Said};
use super::looks;
use super::values::{DnsServer, Endpoint, Name, Region};
use super::{
    AwsSettings, BadValue, Cadence, ConfigError, DnsSetting, Environment, Flags, Invalid, Mode,
    ProbeKind, ProbeSettings, ProductSettings, Settings, WebhookSettings, default_products,
};
use crate::core::ids::{Product, ServiceId, StackId};
use crate::machine::Route;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::Duration;

/// A full first round of a big account is some 30 dependent calls; slower than this is an incident
/// of its own, which the operator should hear of.
const TIMEOUT: Duration = Duration::from_secs(30);
/// AWS answers these reads within a second or two; ten are a fault worth saying.
const CALL_TIMEOUT: Duration = Duration::from_secs(10);
/// A healthy node answers in milliseconds; three seconds are a frozen one.
const PROBE_TIMEOUT: Duration = Duration::from_secs(3);
/// Chat rooms answer within a second; a run waits for none of them.
const WEBHOOK_TIMEOUT: Duration = Duration::from_secs(5);
/// See console.md, Numbers (a dead node visible within 5 s) and the account-wide ELBv2 bucket.
const CADENCE: Cadence = Cadence {
    cloudmap: Duration::from_secs(5),
    autoscaling: Duration::from_secs(15),
    elbv2: Duration::from_secs(10),
    ec2: Duration::from_secs(60),
    probes: Duration::from_secs(5),
    slow: Duration::from_secs(60),
};

/// Reads the configuration file, lays environment and flags over it, and checks every value.
///
/// # Errors
/// A [`ConfigError`] that names the place and the key, and knows the next step.
pub fn load(env: &Environment, flags: &Flags) -> Result<Settings, ConfigError> {
    let (path, file) = file::find(env, flags)?;
    assemble(file, path, env, flags)
}

/// Lays the layers over each other.
pub(super) fn assemble(
    file: File,
    path: Option<PathBuf>,
    env: &Environment,
    flags: &Flags,
) -> Result<Settings, ConfigError> {
    let (name, context) = chosen_context(&file, flags)?;
    let contexts = contexts::lines(&file, flags);
    let mut layers = Layers {
        file: path.clone().unwrap_or_default(),
        context: name.clone().unwrap_or_default(),
        ..Layers::default()
    };
    let chosen = Said::file(file.context.as_ref().map(|chosen| chosen.get_ref().clone()));
    layers.pick("context", chosen.flag("--context", flags.context.clone()));
    let also = contexts::also(&mut layers, &file, (name.as_deref(), &context), flags);
    let aws = aws(&mut layers, &file, &context, (env, flags))?;
    let (namespace, load_balancer) = narrowing(&mut layers, &file, &context, flags)?;
    let dns = dns(&mut layers, &file, flags)?;
    let mode = mode(&mut layers, &context, flags);
    let timeout = timeout(&mut layers, &file, flags);
    let state_dir = state_dir(&mut layers, &file, env, flags)?;
    let evidence_dir = Said::file(path_of(file.evidence_dir.as_ref(), env));
    let evidence_dir = layers.pick("evidence_dir", evidence_dir);
    let evidence_dir = evidence_dir.unwrap_or_else(|| state_dir.join("evidence"));
    let log = Said::file(path_of(file.log.as_ref(), env));
    let log = layers.pick("log", log.flag("--log", flags.log.clone()));
    let keymap = looks::keymap(&mut layers, &file, (env, flags));
    let theme = looks::theme(&mut layers, &file, (env, flags));
    let (color, ascii) = looks::color_and_ascii(&mut layers, &file, env, flags);
    let cadence = cadence(&mut layers, &file);
    let registry = registry(&mut layers, &file)?;
    let webhook = webhook(&mut layers, &file);
    Ok(Settings {
        context: name,
        production: context.production,
        frame: context.frame,
        contexts,
        also,
        mode,
        file: path,
        aws,
        namespace,
        load_balancer,
        registry,
        probes: probes(&mut layers, file, flags),
        dns,
        webhook,
        cadence,
        timeout,
        state_dir: state_dir.into(),
        evidence_dir,
        home: env.path("HOME"),
        log,
        record: flags.record.clone(),
        keymap,
        theme,
        true_color: looks::is_true_color(env),
        color,
        ascii,
        clock: flags.clock,
        term: env.text("TERM").map(str::to_owned),
        origins: layers.origins,
        given: flags.clone(),
        notes: layers.notes,
    })
}

fn chosen_context(
    file: &File,
    flags: &Flags,
) -> Result<(Option<String>, ContextTable), ConfigError> {
    let in_file = file.context.as_ref().map(|chosen| chosen.get_ref().clone());
    let Some(name) = flags.context.clone().or(in_file) else {
        return Ok((None, ContextTable::default()));
    };
    match file.contexts.get(&name) {
        Some(table) => Ok((Some(name), table.clone())),
        None => {
            let known = file.contexts.keys().cloned().collect();
            Err(ConfigError::UnknownContext { name, known })
        }
    }
}

fn aws(
    layers: &mut Layers,
    file: &File,
    context: &ContextTable,
    (env, flags): (&Environment, &Flags),
) -> Result<AwsSettings, ConfigError> {
    let region = Said::file(file.aws.region.clone())
        .context(context.region.clone())
        .env(from_env(env, &["AWS_REGION", "AWS_DEFAULT_REGION"])?)
        .flag("--region", from_flag::<Region>("--region", flags.region.as_ref())?);
    let profile = Said::file(file.aws.profile.clone())
        .context(context.profile.clone())
        .env(from_env(env, &["AWS_PROFILE"])?)
        .flag("--profile", from_flag::<Name>("--profile", flags.profile.as_ref())?);
    let role = Said::file(None).context(context.role.clone());
    let call_timeout = Said::file(file.aws.call_timeout.map(|span| span.0));
    Ok(AwsSettings {
        region: layers.pick("aws.region", region).map(|region| region.0),
        profile: layers.pick("aws.profile", profile).map(|profile| profile.0),
        role: layers.pick("aws.role", role).map(|role| role.0),
        endpoint_url: endpoint_url(layers, file, context, (env, flags))?,
        call_timeout: layers.pick("aws.call_timeout", call_timeout).unwrap_or(CALL_TIMEOUT),
        route: Route::default(),
    })
}

fn endpoint_url(
    layers: &mut Layers,
    file: &File,
    context: &ContextTable,
    (env, flags): (&Environment, &Flags),
) -> Result<Option<String>, ConfigError> {
    let flag = from_flag::<Endpoint>("--endpoint-url", flags.endpoint_url.as_ref())?;
    let said = Said::file(file.aws.endpoint_url.clone())
        .context(context.endpoint_url.clone())
        .env(from_env(env, &["AWS_ENDPOINT_URL"])?)
        .flag("--endpoint-url", flag.clone());
    let picked = layers.pick("aws.endpoint_url", said).map(|url| url.0);
    // A URL handed to the SDK by us would win over the variables for single services.
    let single = env.names().find(|name| name.starts_with("AWS_ENDPOINT_URL_"));
    match (single, flag) {
        (Some(_), None) => {
            let origin = super::Origin::Env("AWS_ENDPOINT_URL_<SERVICE>");
            layers.origins.insert("aws.endpoint_url".into(), origin);
            Ok(None)
        }
        _ => Ok(picked),
    }
}

fn narrowing(
    layers: &mut Layers,
    file: &File,
    context: &ContextTable,
    flags: &Flags,
) -> Result<(Option<String>, Option<String>), ConfigError> {
    let namespace = Said::file(file.namespace.clone())
        .context(context.namespace.clone())
        .flag("--namespace", from_flag::<Name>("--namespace", flags.namespace.as_ref())?);
    let balancer = from_flag::<Name>("--load-balancer", flags.load_balancer.as_ref())?;
    let balancer = Said::file(file.load_balancer.clone())
        .context(context.load_balancer.clone())
        .flag("--load-balancer", balancer);
    Ok((
        layers.pick("namespace", namespace).map(|name| name.0),
        layers.pick("load_balancer", balancer).map(|name| name.0),
    ))
}

/// Under an endpoint of one's own (an embedded world, a test) the names are not AWS's, so nobody's
/// resolver is bothered with them unless told to be.
fn dns(layers: &mut Layers, file: &File, flags: &Flags) -> Result<DnsSetting, ConfigError> {
    let flag = from_flag::<DnsServer>("--dns-server", flags.dns_server.as_ref())?;
    let picked = layers.pick("dns_server", Said::file(file.dns_server).flag("--dns-server", flag));
    let elsewhere = layers.origins.get("aws.endpoint_url");
    let elsewhere = elsewhere.is_some_and(|origin| *origin != super::Origin::Default);
    let default = if elsewhere { DnsSetting::Off } else { DnsSetting::System };
    Ok(picked.map_or(default, |picked| picked.0))
}

fn timeout(layers: &mut Layers, file: &File, flags: &Flags) -> Duration {
    let said = Said::file(file.timeout.map(|span| span.0)).flag("--timeout", flags.timeout);
    layers.pick("timeout", said).unwrap_or(TIMEOUT)
}

fn mode(layers: &mut Layers, context: &ContextTable, flags: &Flags) -> Mode {
    let said = Said::file(None)
        .context(context.mode)
        .flag("--operate", flags.operate.then_some(Mode::Operate));
    // Given both, looking only wins.
    let said = match flags.read_only {
        true => said.flag("--read-only", Some(Mode::ReadOnly)),
        false => said,
    };
    layers.pick("mode", said).unwrap_or_default()
}

fn state_dir(
    layers: &mut Layers,
    file: &File,
    env: &Environment,
    flags: &Flags,
) -> Result<PathBuf, ConfigError> {
    let said = Said::file(path_of(file.state_dir.as_ref(), env))
        .flag("--state-dir", flags.state_dir.clone());
    layers
        .pick("state_dir", said)
        .or_else(|| env.state_home().map(|home| home.join("quarterdeck")))
        .ok_or(ConfigError::NoHome)
}

/// A path of the file: no shell has expanded its `~/`.
pub(super) fn path_of(written: Option<&Name>, env: &Environment) -> Option<PathBuf> {
    let written = &written?.0;
    match (written.strip_prefix("~/"), env.path("HOME")) {
        (Some(rest), Some(home)) => Some(home.join(rest)),
        _ => Some(PathBuf::from(written)),
    }
}

fn cadence(layers: &mut Layers, file: &File) -> Cadence {
    let table = &file.cadence;
    let mut pick = |name: &str, said: &Option<super::values::Interval>, default| {
        layers.pick(name, Said::file(said.map(|span| span.0))).unwrap_or(default)
    };
    Cadence {
        cloudmap: pick("cadence.cloudmap", &table.cloudmap, CADENCE.cloudmap),
        autoscaling: pick("cadence.autoscaling", &table.autoscaling, CADENCE.autoscaling),
        elbv2: pick("cadence.elbv2", &table.elbv2, CADENCE.elbv2),
        ec2: pick("cadence.ec2", &table.ec2, CADENCE.ec2),
        probes: pick("cadence.probes", &table.probes, CADENCE.probes),
        slow: pick("cadence.slow", &table.slow, CADENCE.slow),
    }
}

/// Without a URL nobody is told, whatever else is said.
fn webhook(layers: &mut Layers, file: &File) -> Option<WebhookSettings> {
    let url = layers.pick("webhook.url", Said::file(file.webhook.url.clone()));
    let timeout = Said::file(file.webhook.timeout.map(|span| span.0));
    let timeout = layers.pick("webhook.timeout", timeout).unwrap_or(WEBHOOK_TIMEOUT);
    url.map(|url| WebhookSettings { url: url.0, timeout })
}

fn registry(
    layers: &mut Layers,
    file: &File,
) -> Result<BTreeMap<ServiceId, BTreeSet<StackId>>, ConfigError> {
    let mut all = BTreeMap::new();
    for (index, table) in file.registry.iter().enumerate() {
        let stacks = table.stacks.iter().map(|stack| StackId::from(&stack.0)).collect();
        if all.insert(ServiceId::from(&table.service.0), stacks).is_some() {
            return Err(ConfigError::Invalid(Box::new(Invalid {
                file: layers.file.clone(),
                line: None,
                key: format!("registry[{index}].service"),
                problem: format!("{} is named twice", table.service.0),
                nearest: None,
            })));
        }
    }
    layers.pick("registry", Said::file((!all.is_empty()).then_some(())));
    Ok(all)
}

fn probes(layers: &mut Layers, file: File, flags: &Flags) -> ProbeSettings {
    let mut table = file.probes;
    let enabled = Said::file(table.enabled).flag("--no-probes", flags.no_probes.then_some(false));
    let mut products: Vec<_> = default_products();
    for known in &mut products {
        let said = table.products.remove(known.product.as_str()).unwrap_or_default();
        product(layers, known, said);
    }
    for (name, said) in std::mem::take(&mut table.products) {
        products.extend(further_product(layers, &name, said));
    }
    ProbeSettings {
        enabled: layers.pick("probes.enabled", enabled).unwrap_or(true),
        timeout: layers
            .pick("probes.timeout", Said::file(table.timeout.map(|span| span.0)))
            .unwrap_or(PROBE_TIMEOUT),
        proxy: layers.pick("probes.proxy", Said::file(table.proxy)).map(|proxy| proxy.0),
        products,
        route: Route::default(),
    }
}

/// Lays what the file says over a product's defaults.
fn product(layers: &mut Layers, settings: &mut ProductSettings, said: ProductTable) {
    let key = |of: &str| format!("probes.{}.{of}", settings.product);
    let tls = said.scheme.map(|scheme| scheme == Scheme::Https);
    let port = layers.pick(&key("port"), Said::file(said.port.map(|port| port.get())));
    let path = layers.pick(&key("path"), Said::file(said.path.map(|path| path.0)));
    let status = layers.pick(&key("status"), Said::file(said.status.map(|status| status.0)));
    let tls = layers.pick(&key("scheme"), Said::file(tls));
    let optional = layers.pick(&key("optional"), Said::file(said.optional));
    settings.port = port.unwrap_or(settings.port);
    settings.path = path.unwrap_or_else(|| settings.path.clone());
    settings.status = status.unwrap_or_else(|| settings.status.clone());
    settings.tls = tls.unwrap_or(settings.tls);
    settings.optional = optional.unwrap_or(settings.optional);
}

/// A product of the operator's own; `file` has seen to it that port and path are there.
fn further_product(layers: &mut Layers, name: &str, said: ProductTable) -> Option<ProductSettings> {
    let mut settings = ProductSettings {
        product: Product::from(name),
        kind: ProbeKind::Http,
        tls: false,
        port: said.port?.get(),
        path: said.path.clone()?.0,
        status: [200].into(),
        optional: false,
    };
    product(layers, &mut settings, said);
    Some(settings)
}

/// The first of the variables that is set.
fn from_env<T: TryFrom<String, Error = BadValue>>(
    env: &Environment,
    names: &[&'static str],
) -> Result<Option<(&'static str, T)>, ConfigError> {
    let set = names.iter().find_map(|name| Some((*name, env.text(name)?)));
    set.map(|(name, text)| match T::try_from(text.to_owned()) {
        Ok(value) => Ok((name, value)),
        Err(problem) => Err(ConfigError::Value { name, problem }),
    })
    .transpose()
}

fn from_flag<T: TryFrom<String, Error = BadValue>>(
    name: &'static str,
    text: Option<&String>,
) -> Result<Option<T>, ConfigError> {
    let checked = text.cloned().map(T::try_from).transpose();
    checked.map_err(|problem| ConfigError::Value { name, problem })
}
