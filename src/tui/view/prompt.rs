//! A line that is typed, at the bottom of the screen; below it what is wrong with it, with the
//! place marked, and above it what it may mean.
//!
//! ```text
//! ─ 3 of 120 ─────────────────────────────────────────────────────────────────────
//! ▶ i-0ab12f               10.0.0.4, green-413
//!   i-0ab19c               10.0.0.9, blue-412
//!  go to 0ab1▏
//!  stack:
//!        ^ no value after `stack:`
//! ```

use super::{Line, Span, Text, line};
use crate::app::{Answering, Dialog, Layer, Model, Prompt, Purpose, TextField};
use crate::tui::text;
use crate::tui::theme::{Theme, Tone};

/// Of what a text may mean, at most so many lines are shown at once.
const MOST_CHOICES: usize = 10;

/// What a prompt needs of the screen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Asked {
    /// The line itself.
    pub line: Line,
    /// In the place of the hints.
    pub below: Option<Line>,
    /// Over the end of the body.
    pub choices: Option<Text>,
}

/// The topmost layer, if it is typed into.
pub(super) fn asked(model: &Model, theme: Theme, columns: u16) -> Option<Asked> {
    let layer = model.layers.last()?;
    let field = layer.field()?;
    let (lead, prompt) = match layer {
        Layer::Prompt(prompt) => (lead(&prompt.purpose), Some(prompt)),
        _ => (" type the name: ", None),
    };
    let (line, before) = typed(lead, field, theme, columns.into());
    let problem = prompt.and_then(|prompt| prompt.problem.as_ref());
    let below = problem.map(|problem| {
        // The mark stands under the place, as far as the place is to be seen.
        let hidden = text::width(field.parts().0).saturating_sub(before);
        let typed = field.text().chars().take(problem.at).collect::<String>();
        let at = text::width(lead) + text::width(&typed).saturating_sub(hidden);
        let room = usize::from(columns).saturating_sub(text::width(&problem.text) + 2);
        let pad = " ".repeat(at.min(room));
        vec![Span::new(format!("{pad}^ {}", problem.text), Tone::Warn)]
    });
    let choices = prompt.filter(|it| !it.choices.is_empty()).map(|it| choices(it, theme));
    Some(Asked { line, below, choices })
}

fn lead(purpose: &Purpose) -> &'static str {
    match purpose {
        Purpose::Filter => " / ",
        Purpose::Jump => " go to ",
        Purpose::Palette => " : ",
    }
}

/// The field with its cursor, and how many cells of what stands before the cursor are seen.
fn typed(lead: &str, field: &TextField, theme: Theme, columns: usize) -> (Line, usize) {
    let (before, after) = field.parts();
    // One cell for the cursor, and one so that the last column stays free.
    let room = columns.saturating_sub(text::width(lead) + 2);
    let mut seen: Vec<char> = Vec::new();
    let mut width = 0;
    for c in before.chars().rev() {
        width += text::width(c.encode_utf8(&mut [0; 4]));
        if width > room {
            break;
        }
        seen.push(c);
    }
    let seen: String = seen.into_iter().rev().collect();
    let before = text::width(&seen);
    let mut after = after.chars();
    let under = after.next().unwrap_or(' ').to_string();
    let rest = text::fit(after.as_str(), room.saturating_sub(before), theme.ellipsis());
    let line = vec![
        Span::new(lead, Tone::Strong),
        Span::new(seen, Tone::Plain),
        Span::new(under, Tone::Selected),
        Span::new(rest, Tone::Plain),
    ];
    (line, before)
}

fn choices(prompt: &Prompt, theme: Theme) -> Text {
    let chosen = prompt.chosen.unwrap_or(0);
    let first = chosen / MOST_CHOICES * MOST_CHOICES;
    let seen = prompt.choices.iter().enumerate().skip(first).take(MOST_CHOICES);
    let widest = |of: fn(&crate::app::Choice) -> &str| {
        seen.clone().map(|(_, choice)| text::width(of(choice))).max().unwrap_or(0)
    };
    let (names, keys) = (widest(|it| &it.name).min(24), widest(|it| &it.keys).min(16));
    let pad = |word: &str, width: usize| {
        let word = text::fit(&text::clean(word), width, theme.ellipsis());
        format!("{word}{}", " ".repeat(width.saturating_sub(text::width(&word))))
    };
    let lines = seen.map(|(place, choice)| {
        let selected = prompt.chosen == Some(place);
        let marker = if selected { theme.marker() } else { " " };
        let tone = if selected { Tone::Selected } else { Tone::Plain };
        let mut line = vec![
            Span::new(format!("{marker} "), Tone::Strong),
            Span::new(pad(&choice.name, names), tone),
        ];
        if keys > 0 {
            line.push(Span::new(format!("  {}", pad(&choice.keys, keys)), Tone::Strong));
        }
        line.push(Span::new(format!("  {}", choice.doc), Tone::Dim));
        line
    });
    let lines: Vec<Line> = lines.collect();
    let title = match prompt.matches {
        all if all == lines.len() => all.to_string(),
        all => format!("{}-{} of {all}", first + 1, first + lines.len()),
    };
    Text { title, lines }
}

/// A question, in the place of the screen.
pub(super) fn question(dialog: &Dialog, theme: Theme, columns: u16) -> Text {
    let room = usize::from(columns.saturating_sub(2));
    let wrapped = |sentence: &String| text::wrap(sentence, room);
    let mut lines: Vec<Line> = dialog
        .lines
        .iter()
        .flat_map(wrapped)
        .map(|part| line(format!(" {part}"), Tone::Plain))
        .collect();
    lines.push(Line::new());
    let how = match &dialog.answer {
        Answering::YesNo => format!(" {} Yes, or no?", theme.arrow()),
        Answering::TypeName { name, .. } => format!(" {} Type {name} to go on.", theme.arrow()),
    };
    lines.push(line(how, Tone::Strong));
    Text { title: dialog.title.clone(), lines }
}
