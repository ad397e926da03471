//! Which layer a value comes from: flag over environment over context over file over default. The
//! one place where that order stands.

use super::Origin;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// What each layer says about one value.
pub(super) struct Said<T> {
    flag: Option<(&'static str, T)>,
    env: Option<(&'static str, T)>,
    context: Option<T>,
    file: Option<T>,
}

impl<T> Said<T> {
    /// What the file says; the other layers say nothing yet.
    pub fn file(file: Option<T>) -> Self {
        Self { flag: None, env: None, context: None, file }
    }

    /// What the chosen context says.
    pub fn context(self, context: Option<T>) -> Self {
        Self { context, ..self }
    }

    /// What a variable says.
    pub fn env(self, said: Option<(&'static str, T)>) -> Self {
        Self { env: said, ..self }
    }

    /// What a flag says.
    pub fn flag(self, name: &'static str, value: Option<T>) -> Self {
        Self { flag: value.map(|value| (name, value)), ..self }
    }
}

/// The layers, and the origins of what was picked so far.
#[derive(Debug, Default)]
pub(super) struct Layers {
    /// The file that was read.
    pub file: PathBuf,
    /// The chosen context.
    pub context: String,
    /// Where each value came from.
    pub origins: BTreeMap<String, Origin>,
    /// What an operator would be surprised by.
    pub notes: Vec<String>,
}

impl Layers {
    /// The value of the highest layer that says something, its origin noted.
    pub fn pick<T: PartialEq>(&mut self, name: &str, said: Said<T>) -> Option<T> {
        self.note_override(name, &said);
        let Said { flag, env, context, file } = said;
        let by_flag = flag.map(|(name, value)| (value, Origin::Flag(name)));
        let picked = by_flag
            .or_else(|| env.map(|(name, value)| (value, Origin::Env(name))))
            .or_else(|| context.map(|value| (value, Origin::Context(self.context.clone()))))
            .or_else(|| file.map(|value| (value, Origin::File(self.file.clone()))));
        let (value, origin) = match picked {
            Some((value, origin)) => (Some(value), origin),
            None => (None, Origin::Default),
        };
        self.origins.insert(name.to_owned(), origin);
        value
    }

    /// A variable that overrides what the chosen context says is easily forgotten in a shell, and
    /// then the name of one environment stands over the data of another.
    fn note_override<T: PartialEq>(&mut self, name: &str, said: &Said<T>) {
        if let (None, Some((variable, value)), Some(context)) =
            (&said.flag, &said.env, &said.context)
            && value != context
        {
            self.notes
                .push(format!("{variable} overrides {name} of the context {:?}", self.context));
        }
    }
}
