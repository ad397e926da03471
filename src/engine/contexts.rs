//! Another context's world: its settings are read anew, its readers set up, what stands behind plans
//! made for it. Nothing of the world before is touched until all of that is there.

use super::{Elsewhere, Feed, Operations, Patience};
use crate::app::Place;
use crate::app::operate::Trouble;
use crate::clock::Clock;
use crate::config::{Environment, Mode, Settings};
use std::sync::Arc;

/// Another world to look at.
pub struct World {
    /// Where it is.
    pub place: Place,
    /// Whether plans may be approved there at all.
    pub allowed: bool,
    /// Its readers.
    pub feed: Feed,
    /// What stands behind its plans and runs.
    pub operations: Operations,
    /// The places that are shown too from there.
    pub elsewhere: Elsewhere,
}

/// Sets the world of a context up, by its name.
pub type Enter = Arc<dyn Fn(&str) -> Result<World, Trouble> + Send + Sync>;

/// The contexts of these settings' file, for this host.
pub fn contexts(settings: &Settings, clock: &Clock, env: &Environment) -> Enter {
    let (settings, clock, env) = (settings.clone(), clock.clone(), env.clone());
    Arc::new(move |name| {
        let other = settings.of_context(&env, name).map_err(|error| Trouble {
            what: format!("{name} cannot be gone to: {}.", brief(&error.to_string(), &settings)),
            next: brief(&error.next_step(), &settings),
        })?;
        let feed = Feed::start(&other, &clock, Patience::Endless).map_err(|error| Trouble {
            what: format!("{name} cannot be gone to: {error}."),
            next: error.next_step().to_owned(),
        })?;
        Ok(World {
            place: Place::of(&other),
            allowed: other.mode == Mode::Operate,
            operations: Operations::new(&other, &clock, &env),
            elsewhere: Elsewhere::start(&other, &clock, &env),
            feed,
        })
    })
}

/// A sentence about the configuration with the file's bare name: a line of the screen has no room for
/// its whole path.
fn brief(text: &str, settings: &Settings) -> String {
    let path = settings.file.as_deref();
    match path.and_then(|path| Some((path, path.file_name()?))) {
        Some((path, name)) => text.replace(&path.display().to_string(), &name.to_string_lossy()),
        None => text.to_owned(),
    }
}

/// No contexts, for a console that has only one place.
pub fn no_contexts() -> Enter {
    Arc::new(|name| {
        Err(Trouble {
            what: format!("{name} cannot be gone to: there are no contexts here."),
            next: "Start another console.".into(),
        })
    })
}
