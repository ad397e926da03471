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

use super::{Line, Span, Text, head, line, review};
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
        Layer::Prompt(prompt) => (lead(&prompt.purpose).to_owned(), Some(prompt)),
        Layer::Review(of) => (review::lead(model, of), None),
        _ => (" type the name: ".to_owned(), None),
    };
    let (line, before) = typed(&lead, field, theme, columns.into());
    let problem = prompt.and_then(|prompt| prompt.problem.as_ref());
    let below = problem.map(|problem| {
        // The mark stands under the place, as far as the place is to be seen.
        let hidden = text::width(field.parts().0).saturating_sub(before);
        let typed = field.text().chars().take(problem.at).collect::<String>();
        let at = text::width(&lead) + text::width(&typed).saturating_sub(hidden);
        super::line(marked(&problem.text, at, columns.into(), theme), Tone::Warn)
    });
    let choices = prompt.filter(|it| !it.choices.is_empty()).map(|it| choices(it, theme));
    Some(Asked { line, below, choices })
}

/// A mark under a place, and what is wrong there on the side that has more room.
fn marked(problem: &str, at: usize, columns: usize, theme: Theme) -> String {
    let at = at.min(columns.saturating_sub(1));
    if at <= columns / 2 || at + 2 + text::width(problem) <= columns {
        return format!("{}^ {problem}", " ".repeat(at));
    }
    let problem = text::fit(problem, at.saturating_sub(1), theme.ellipsis());
    let pad = " ".repeat(at.saturating_sub(text::width(&problem) + 1));
    format!("{pad}{problem} ^")
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
pub(super) fn question(model: &Model, dialog: &Dialog, theme: Theme, columns: u16) -> Text {
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
    Text { title: format!("{}   {}", dialog.title, head::of_dialog(model)), lines }
}

#[cfg(test)]
mod tests {
    use crate::app::fixture::{self, healthy, model, press, show};
    use crate::app::{Answering, Dialog, Effect, EventKind, Input, Model, TextField};
    use crate::tui::text;
    use crate::tui::theme::Theme;
    use ratatui::buffer::Buffer;
    use ratatui::layout::Rect;
    use ratatui::widgets::Widget;

    const THEME: Theme = Theme::of(false, true, false);

    fn on(columns: u16, rows: u16, keys: &str) -> Model {
        let mut model = model(columns, rows);
        fixture::sources_ok(&mut model, 1);
        show(&mut model, 2, healthy());
        press(&mut model, keys);
        model
    }

    fn lines(model: &Model) -> Vec<String> {
        let area = Rect::new(0, 0, model.size.columns, model.size.rows);
        let mut buffer = Buffer::empty(area);
        (&super::super::frame(model, THEME)).render(area, &mut buffer);
        let line = |y| (0..area.width).map(|x| buffer[(x, y)].symbol()).collect::<String>();
        (0..area.height).map(|y| line(y).trim_end().to_owned()).collect()
    }

    /// The last two lines.
    fn bottom(model: &Model) -> [String; 2] {
        lines(model).last_chunk::<2>().unwrap().clone()
    }

    #[test]
    fn the_place_of_a_mistake_is_marked_under_it() {
        let model = on(80, 24, "/ b l u e space s t a c k :");
        assert_eq!(
            bottom(&model),
            [" / blue stack:", "              ^ no value after `stack:`"],
            "three cells of ` / ` and eleven characters"
        );
        let model = on(80, 24, "/ b l u e space x : y");
        assert_eq!(bottom(&model)[0], " / blue x:y");
        assert!(
            bottom(&model)[1].starts_with("        ^ there is no `x:` here"),
            "{:?}",
            bottom(&model)
        );
    }

    #[test]
    fn a_mark_stays_under_its_place_where_there_is_little_room() {
        for (at, columns, line) in [
            (3, 20, "   ^ no value"),
            (18, 20, "         no value ^"),
            (90, 20, "          no value ^"),
            (9, 10, "no value ^"),
            (0, 1, "^ no value"),
            (7, 9, "no va~ ^"),
        ] {
            let marked = super::marked("no value", at, columns, THEME);
            assert_eq!(marked.trim_end(), line, "{at} {columns}");
            assert_eq!(marked.find('^').unwrap(), at.min(columns - 1));
            assert!(text::width(&marked) <= columns || at <= columns / 2);
        }
    }

    #[test]
    fn the_title_counts_what_a_filter_leaves() {
        let text = lines(&on(80, 24, "/ b l u e enter >"));
        assert!(text[2].starts_with("- Fleets 1/2 / blue by stack ^ -"), "{}", text[2]);
    }

    #[test]
    fn a_text_longer_than_the_line_shows_its_cursor() {
        let mut model = on(20, 8, "/");
        let paste = "\"abcdefghijklmnopqrstuvwxyz".to_owned();
        fixture::feed(&mut model, 3, EventKind::Input(Input::Paste(paste)));
        assert_eq!(bottom(&model)[0], " / lmnopqrstuvwxyz");
        press(&mut model, "home");
        assert_eq!(bottom(&model)[0], " / \"abcdefghijklmn~");
    }

    #[test]
    fn choices_lie_over_the_end_of_the_body_and_hide_it_whole() {
        let text = lines(&on(80, 24, ": s o r t"));
        let first = text.iter().position(|line| line.starts_with("> sort ")).unwrap();
        assert!(text[first].contains("Sort by a column"), "{}", text[first]);
        assert!(text[first + 1].starts_with("  sort_next      >"), "{}", text[first + 1]);
        assert_eq!(bottom(&on(80, 24, ": s o r t"))[0], " : sort");
        let title = text[first - 1].as_str();
        assert!(title.starts_with("- ") && title.ends_with("---"), "{title}");
    }

    #[test]
    fn a_question_says_how_it_is_answered() {
        let mut model = on(40, 12, "");
        let name = Answering::TypeName { name: "green-413".into(), field: TextField::default() };
        let ask = |answer| Dialog {
            title: "Move all traffic".into(),
            lines: vec!["It takes about twenty minutes and can be rolled back.".into()],
            answer,
            then: Effect::PollNow,
        };
        model.ask(ask(name));
        press(&mut model, "g r e");
        let text = lines(&model);
        assert!(text.iter().any(|line| line.contains("-> Type green-413 to go on.")), "{text:?}");
        assert_eq!(bottom(&model)[0], " type the name: gre");
        press(&mut model, "esc");
        model.ask(ask(Answering::YesNo));
        let text = lines(&model);
        assert!(text.iter().any(|line| line.contains("Yes, or no?")), "{text:?}");
        assert!(bottom(&model)[1].contains("y take it"), "{text:?}");
    }

    #[test]
    fn every_size_takes_every_prompt() {
        for keys in ["/ x :", ": s", "J i -", ": n o d e space i", "f1"] {
            for (columns, rows) in [(0, 0), (1, 1), (5, 20), (20, 5), (21, 8), (80, 9), (300, 3)] {
                drop(lines(&on(columns, rows, keys)));
            }
        }
    }
}
