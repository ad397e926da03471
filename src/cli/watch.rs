//! `watch [STACK]`: one line, or one JSON object, for each change, until interrupted.

use super::args::{Format, Output};
use super::json::{self, ChangeView};
use super::output::{Reader, Streams};
use super::read::unprintable;
use super::run::on_runtime;
use super::table::{NONE, clean};
use super::world::{Change, World};
use super::{ExitCode, Failure};
use crate::config::Settings;
use crate::core::ids::StackId;
use tokio::sync::mpsc;

/// A round's worth of changes: a slow reader of our output holds the engine back after that,
/// rather than growing our memory.
const CHANGES_QUEUED: usize = 256;

pub(super) fn run<W: World>(
    settings: &Settings,
    world: &W,
    streams: &mut Streams<'_>,
    (stack, format): (Option<&StackId>, Format),
) -> Result<ExitCode, Failure> {
    on_runtime(super::console::clock(settings), async |clock| {
        let (sender, receiver) = mpsc::channel(CHANGES_QUEUED);
        tokio::select! {
            biased;
            // Being interrupted is how a watch ends; it still is what ended it.
            stop = tokio::signal::ctrl_c() => match stop {
                Ok(()) => Ok(ExitCode::Interrupted),
                Err(error) => Err(super::read::interrupted(Err(error))),
            },
            printed = print(receiver, stack, format, streams) => printed,
            Err(failure) = world.watch(settings, &clock, sender) => Err(failure),
        }
    })
}

/// Prints changes until there are no more, or nobody reads them.
async fn print(
    mut changes: mpsc::Receiver<Change>,
    stack: Option<&StackId>,
    format: Format,
    streams: &mut Streams<'_>,
) -> Result<ExitCode, Failure> {
    while let Some(change) = changes.recv().await {
        if stack.is_some() && change.stack_id.as_ref() != stack {
            continue;
        }
        let line = match format.output {
            Output::Json => json::line(&ChangeView::of(&change))?,
            Output::Table => line(&change),
        };
        match streams.print(&line) {
            Ok(Reader::Listens) => {}
            Ok(Reader::Left) => break,
            Err(error) => return Err(unprintable(&error)),
        }
    }
    Ok(ExitCode::Done)
}

/// Time in UTC, fleet, node, what happened. The first columns keep their width from line to line,
/// since nobody knows the lines to come.
fn line(change: &Change) -> String {
    let stack = change.stack_id.as_ref().map_or(NONE, StackId::as_str);
    let node = change.instance_id.as_ref().map_or(NONE, |id| id.as_str());
    let at = change.at.strftime("%H:%M:%SZ");
    let text =
        format!("{at}  {stack:<12}  {node:<19}  {:<10}  {}", change.kind.to_string(), change.text);
    format!("{}\n", clean(text.trim_end()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::example;
    use crate::core::diff::ChangeKind;

    fn changes() -> Vec<Change> {
        let change = |stack: Option<&str>, id: Option<&str>, kind: ChangeKind, text: &str| Change {
            at: example::now(),
            stack_id: stack.map(StackId::from),
            instance_id: id.map(Into::into),
            kind,
            severity: None,
            text: text.into(),
        };
        vec![
            change(
                Some("blue-412"),
                Some("i-0aaaaaaaaaaaaaaa1"),
                ChangeKind::Target,
                "3100 healthy → unhealthy",
            ),
            change(Some("green-413"), None, ChangeKind::Role, "standby → shifting"),
            change(None, None, ChangeKind::Raised, "cloudmap\u{1b}[0m throttled"),
        ]
    }

    async fn printed(stack: Option<&str>, output: Output) -> String {
        let (sender, receiver) = mpsc::channel(8);
        for change in changes() {
            sender.send(change).await.unwrap();
        }
        drop(sender);
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let mut streams = Streams { out: &mut out, err: &mut err };
        let stack = stack.map(StackId::from);
        let code = print(receiver, stack.as_ref(), Format { output }, &mut streams).await.unwrap();
        assert_eq!(code, ExitCode::Done);
        String::from_utf8(out).unwrap()
    }

    #[tokio::test]
    async fn one_line_a_change() {
        assert_eq!(
            printed(None, Output::Table).await,
            "14:00:00Z  blue-412      i-0aaaaaaaaaaaaaaa1  target      3100 healthy → unhealthy\n\
             14:00:00Z  green-413     -                    role        standby → shifting\n\
             14:00:00Z  -             -                    raised      cloudmap\u{fffd}[0m throttled\n"
        );
    }

    #[tokio::test]
    async fn one_object_a_line_of_one_fleet() {
        let text = printed(Some("green-413"), Output::Json).await;
        assert_eq!(
            text,
            "{\"schema\":\"quarterdeck/v1\",\"at\":\"2026-11-22T14:00:00Z\",\"stack_id\":\"green-413\",\
             \"instance_id\":null,\"kind\":\"role\",\"text\":\"standby → shifting\"}\n"
        );
        let view: ChangeView = serde_json::from_str(&text).unwrap();
        assert_eq!(view, ChangeView::of(&changes()[1]));
    }
}
