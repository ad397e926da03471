//! What lies over a screen and takes its keys: help, messages, a line to type into, a question.

use super::command::Context;
use super::effect::Effect;
use super::field::TextField;
use super::filter::Filter;
use super::operate::Review;
use super::screen::ScreenKind;
use crate::core::ids::StackId;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Something that lies over the screen.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Layer {
    /// Every key that works below, and what it does.
    Help {
        /// The first line that is shown.
        scroll: usize,
    },
    /// The notices so far, the latest first.
    Messages {
        /// The first line that is shown.
        scroll: usize,
    },
    /// A line to type into.
    Prompt(Prompt),
    /// A question.
    Dialog(Dialog),
    /// A plan, and the line that approves it.
    Review(Box<Review>),
}

impl Layer {
    /// Where its keys are looked up.
    pub fn context(&self) -> Context {
        match self {
            Self::Help { .. } | Self::Messages { .. } => Context::Layer,
            Self::Prompt(_) => Context::Prompt,
            Self::Review(_) => Context::Review,
            Self::Dialog(Dialog { answer: Answering::YesNo, .. }) => Context::Dialog,
            Self::Dialog(_) => Context::Prompt,
        }
    }

    /// The field that takes what is typed, where there is one.
    pub fn field(&self) -> Option<&TextField> {
        match self {
            Self::Prompt(prompt) => Some(&prompt.field),
            Self::Review(review) => Some(&review.field),
            Self::Dialog(Dialog { answer: Answering::TypeName { field, .. }, .. }) => Some(field),
            _ => None,
        }
    }

    pub(super) fn field_mut(&mut self) -> Option<&mut TextField> {
        match self {
            Self::Prompt(prompt) => Some(&mut prompt.field),
            Self::Review(review) => Some(&mut review.field),
            Self::Dialog(Dialog { answer: Answering::TypeName { field, .. }, .. }) => Some(field),
            _ => None,
        }
    }
}

/// A line to type into at the bottom of the screen, and what it may be completed to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Prompt {
    /// What the text is for.
    pub purpose: Purpose,
    /// The text.
    pub field: TextField,
    /// What it may mean, the likeliest first; of many, the first few.
    pub choices: Vec<Choice>,
    /// How many it may mean in all.
    pub matches: usize,
    /// The choice that is taken by Enter.
    pub chosen: Option<usize>,
    /// What is wrong with the text, and after how many characters.
    pub problem: Option<Problem>,
}

/// What a text is typed for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    /// To leave out rows. What left them out before comes back when the prompt is given up.
    Filter,
    /// To go to a node or a fleet.
    Jump,
    /// To run a command by its name.
    Palette,
}

/// What a text may mean.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Choice {
    /// What it is called.
    pub name: String,
    /// The keys that do the same.
    pub keys: String,
    /// What it is, or does.
    pub doc: String,
    /// What choosing it does.
    pub then: Then,
}

/// What choosing does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Then {
    /// Goes to a screen.
    Go(ScreenKind),
    /// Goes to a fleet of another place, by its context.
    Enter(Arc<str>, StackId),
    /// Runs this line of the palette.
    Run(String),
    /// Puts this into the field, for more to be typed.
    Complete(String),
}

/// What is wrong with a text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// Characters before the place.
    pub at: usize,
    /// A sentence.
    pub text: String,
}

impl Prompt {
    pub(super) fn new(purpose: Purpose, text: &str) -> Self {
        let field = TextField::holding(text);
        Self { purpose, field, choices: Vec::new(), matches: 0, chosen: None, problem: None }
    }

    pub(super) fn filter(filter: &Filter) -> Self {
        Self::new(Purpose::Filter, filter.text())
    }
}

/// A question that must be answered before something is done.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Dialog {
    /// What is to be done.
    pub title: String,
    /// What there is to know before.
    pub lines: Vec<String>,
    /// How it is answered.
    pub answer: Answering,
    /// What a yes does.
    pub then: Effect,
}

/// How a question is answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answering {
    /// By a key.
    YesNo,
    /// By typing a name: for what cannot be taken back.
    TypeName {
        /// The name.
        name: String,
        /// What has been typed of it.
        field: TextField,
    },
}
