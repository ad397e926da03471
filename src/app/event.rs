//! Everything that can change the screen, as one closed, serialisable list. An event carries its
//! time, so that a replay needs no clock.

use super::desk;
use super::elsewhere::Elsewhere;
use super::input::Input;
use super::model::Place;
use super::notice::NoticeKind;
use super::operate::{Answer, Trouble};
use crate::core::inventory::Memory;
use crate::core::joined::Joined;
use crate::core::source::SourceEvent;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Something that happened, and when.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// When it reached the loop.
    pub at: Timestamp,
    /// What it was.
    pub kind: EventKind,
}

/// What can happen.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EventKind {
    /// The operator did something.
    Input(Input),
    /// The readers are set up, for this region.
    Connected(String),
    /// AWS cannot be asked at all, for now.
    Unconnected(Trouble),
    /// Another context is looked at from here on.
    Entered {
        /// Where that is.
        place: Place,
        /// Whether plans may be approved there at all.
        allowed: bool,
    },
    /// The other context cannot be gone to; this one stays.
    NotEntered(Trouble),
    /// What earlier starts remembered of this account and region.
    Recalled(Memory),
    /// A reader brought news, or failed to.
    Source(SourceEvent),
    /// The inventory as of `generation` was joined.
    Reconciled {
        /// How many source events the inventory had taken in.
        generation: u64,
        /// The time that was passed to `reconcile`.
        as_of: Timestamp,
        /// What came of it. Not recorded: a replay computes it again from the inventory and the
        /// estate before it.
        #[serde(skip)]
        joined: Option<Joined>,
    },
    /// What another place looks like has changed, or is still so.
    Elsewhere(Box<Elsewhere>),
    /// The engine answers what was asked of it about plans and runs.
    Operation(Answer),
    /// The engine answers about what is kept or written.
    Desk(desk::Answer),
    /// The engine has something to say of itself.
    Said {
        /// How much it matters.
        kind: NoticeKind,
        /// A sentence.
        text: String,
    },
    /// A second has passed; ages may have changed.
    Tick,
    /// The operating system wants something.
    Signal(Signal),
}

/// What the operating system may want of a console.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Signal {
    /// SIGINT from outside (Ctrl-C is a key while the terminal is raw).
    Interrupt,
    /// SIGTERM.
    Terminate,
    /// SIGHUP, or the terminal is gone.
    HangUp,
    /// SIGTSTP from outside (Ctrl-Z is a key while the terminal is raw).
    Suspend,
    /// SIGCONT: we were stopped, and somebody else may have used the terminal meanwhile.
    Continue,
}

impl Event {
    /// An event at a time.
    pub fn new(at: Timestamp, kind: EventKind) -> Self {
        Self { at, kind }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::elsewhere::fixture;
    use crate::app::fixture::{at, read};
    use crate::app::{Chord, Key, Size};
    use crate::core::error::ErrorKind;
    use crate::core::ids::{GroupName, InstanceId, ServiceId};
    use crate::core::source::{Fragment, Scope};
    use proptest::prelude::*;

    fn chords() -> impl Strategy<Value = Chord> {
        let keys = prop_oneof![
            any::<char>().prop_map(Key::Char),
            (1u8..=35).prop_map(Key::F),
            prop::sample::select(vec![Key::Enter, Key::Esc, Key::Tab, Key::PageDown, Key::Delete]),
        ];
        (keys, any::<[bool; 3]>())
            .prop_map(|(key, [ctrl, alt, shift])| Chord::new(key, ctrl, alt, shift))
    }

    fn inputs() -> impl Strategy<Value = Input> {
        prop_oneof![
            chords().prop_map(Input::Chord),
            any::<String>().prop_map(Input::Paste),
            any::<(u16, u16)>().prop_map(|(columns, rows)| Input::Resize(Size { columns, rows })),
        ]
    }

    fn news() -> impl Strategy<Value = EventKind> {
        let failures = (any::<String>(), 0i64..1000).prop_map(|(id, second)| {
            let scope = Scope::Members(ServiceId::from(id));
            read(scope, second, Err(ErrorKind::Throttled))
        });
        let groups = (0i64..1000)
            .prop_map(|second| read(Scope::Groups, second, Ok(Fragment::Groups(Vec::new()))));
        let probes = any::<String>().prop_map(|id| {
            read(Scope::Probe(InstanceId::from(id)), 1, Ok(Fragment::Probes(Vec::new())))
        });
        let unchanged = any::<String>().prop_map(|id| {
            read(Scope::Activities(GroupName::from(id)), 1, Ok(Fragment::MembersUnchanged))
        });
        prop_oneof![failures, groups, probes, unchanged]
    }

    fn places() -> impl Strategy<Value = EventKind> {
        let kinds = prop::sample::select(vec![None, Some(ErrorKind::Denied)]);
        (any::<String>(), 0i64..1000, kinds).prop_map(|(name, second, failing)| {
            let seen = fixture::seen(&name, (second, second + 40), fixture::theirs(), failing);
            EventKind::Elsewhere(Box::new(seen))
        })
    }

    fn events() -> impl Strategy<Value = Event> {
        let signals = prop::sample::select(vec![
            Signal::Interrupt,
            Signal::Terminate,
            Signal::HangUp,
            Signal::Suspend,
            Signal::Continue,
        ]);
        let kinds = prop_oneof![
            inputs().prop_map(EventKind::Input),
            news(),
            (any::<u64>(), 0i64..1000).prop_map(|(generation, second)| EventKind::Reconciled {
                generation,
                as_of: at(second),
                joined: None,
            }),
            Just(EventKind::Tick),
            places(),
            (any::<String>(), any::<usize>()).prop_map(|(path, bytes)| {
                EventKind::Desk(desk::Answer::Written { path, bytes })
            }),
            any::<String>().prop_map(|text| EventKind::Said { kind: NoticeKind::Info, text }),
            signals.prop_map(EventKind::Signal),
        ];
        (0i64..100_000, kinds).prop_map(|(second, kind)| Event::new(at(second), kind))
    }

    proptest! {
        /// What is recorded is what is replayed.
        #[test]
        fn every_event_round_trips(event in events()) {
            let text = serde_json::to_string(&event).unwrap();
            prop_assert_eq!(serde_json::from_str::<Event>(&text).unwrap(), event);
        }

        /// No event, in whatever order, brings the console down or leaves it without a screen.
        #[test]
        fn any_events_leave_a_model(all in prop::collection::vec(events(), 0..40)) {
            let mut model = crate::app::fixture::model(80, 24);
            for event in all {
                drop(crate::app::update(&mut model, event));
            }
            prop_assert!(!model.screens().is_empty());
        }
    }
}
