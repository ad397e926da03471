//! The loop itself: order, pace, endings. What the model does with an event is tested in `app`.

mod desk;
mod keys;
mod palette;

use super::*;
use crate::app::fixture::{self, at};
use crate::core::ids::StackId;
use crate::core::source::{Fragment, Scope};
use crate::sources::Orders;
use std::sync::Mutex;

/// A terminal that takes a frame at once and keeps what it saw.
#[derive(Clone, Default)]
struct Glass {
    frames: Arc<Mutex<Vec<(u64, bool)>>>,
    operators: Arc<Mutex<Vec<Operator>>>,
    broken: bool,
}

impl Surface for Glass {
    fn is_ready(&self) -> bool {
        true
    }
    fn paint(&mut self, model: &Model, operator: Operator) -> io::Result<Painted> {
        if self.broken {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        self.frames.lock().unwrap().push((model.generation, model.estate.is_some()));
        self.operators.lock().unwrap().push(operator);
        Ok(match operator {
            Operator::Moving => Painted::InPart,
            Operator::AtRest => Painted::Whole,
        })
    }
    async fn written(&mut self) -> io::Result<()> {
        std::future::pending().await
    }
    fn forget(&mut self) {}
    fn suspend(&mut self) -> Result<(), &'static str> {
        Err("Nothing here could resume it.")
    }
    fn resume(&mut self) {}
    fn copy(&mut self, _: &str) {}
    fn size(&self) -> Option<Size> {
        Some(Size { columns: 80, rows: 24 })
    }
}

/// An estate that names the generation it was made of.
fn count_groups(inventory: &Inventory, _: Option<&Estate>, _: Timestamp, _: &Policy) -> Estate {
    let mut estate = fixture::healthy();
    if inventory.groups.value().is_none() {
        estate.fleets.remove(&StackId::from("green-413"));
    }
    estate
}

struct Ends {
    news: mpsc::Sender<SourceEvent>,
    keys: mpsc::Sender<Input>,
    orders: Orders,
}

fn start() -> (Start, Ends) {
    let (news, events) = mpsc::channel(64);
    let (keys, input) = mpsc::channel(64);
    let (feed, orders) = Feed::of_channel(&fixture::settings(), events);
    let start = Start {
        model: fixture::model(80, 24),
        clock: Clock::on_tokio(at(0), 1.0),
        reconcile: count_groups,
        feed,
        input,
        operations: Operations::none(),
        recorder: Recorder::none(),
        enter: crate::engine::no_contexts(),
        elsewhere: crate::engine::Elsewhere::nowhere(),
    };
    (start, Ends { news, keys, orders })
}

fn groups() -> SourceEvent {
    match fixture::read(Scope::Groups, 0, Ok(Fragment::Groups(Vec::new()))) {
        EventKind::Source(event) => event,
        _ => unreachable!("read makes source events"),
    }
}

async fn press(ends: &Ends, key: &str) {
    ends.keys.send(Input::Chord(key.parse().unwrap())).await.unwrap();
}

#[tokio::test]
async fn news_becomes_an_estate_and_a_key_ends_it() {
    let (start, mut ends) = start();
    let mut glass = Glass::default();
    let frames = Arc::clone(&glass.frames);
    let console = run(start, &mut glass);
    let operator = async {
        ends.orders.wants.changed().await.expect("the readers are told where to begin");
        ends.news.send(groups()).await.unwrap();
        while !frames.lock().unwrap().last().is_some_and(|(_, joined)| *joined) {
            tokio::task::yield_now().await;
        }
        ends.orders.wants.changed().await.expect("and what the news has shown");
        press(&ends, "q").await;
    };
    let (ending, ()) = tokio::join!(console, operator);
    assert_eq!(ending.unwrap(), Ending::Quit);
    assert_eq!(frames.lock().unwrap().last(), Some(&(1, true)));
}

#[tokio::test]
async fn a_key_is_heard_through_a_storm_of_news() {
    let (start, mut ends) = start();
    let news = ends.news.clone();
    let storm = tokio::spawn(async move { while news.send(groups()).await.is_ok() {} });
    let mut glass = Glass::default();
    let console = run(start, &mut glass);
    let operator = async {
        press(&ends, "r").await;
        ends.orders.now.recv().await.unwrap();
        press(&ends, "ctrl-z").await;
        press(&ends, "q").await;
    };
    let (ending, ()) = tokio::join!(console, operator);
    assert_eq!(ending.unwrap(), Ending::Quit);
    storm.abort();
}

#[tokio::test]
async fn a_terminal_that_is_gone_ends_it() {
    let (one, _ends) = start();
    let mut broken = Glass { broken: true, ..Glass::default() };
    assert_eq!(run(one, &mut broken).await.unwrap(), Ending::HungUp);
    let (other, ends) = start();
    drop(ends.keys);
    assert_eq!(run(other, &mut Glass::default()).await.unwrap(), Ending::HungUp);
}

#[tokio::test(start_paused = true)]
async fn without_news_a_second_paints_one_frame() {
    let (start, ends) = start();
    let mut glass = Glass::default();
    let frames = Arc::clone(&glass.frames);
    let operator = async {
        tokio::time::sleep(Duration::from_millis(10_500)).await;
        press(&ends, "q").await;
    };
    let (ending, ()) = tokio::join!(run(start, &mut glass), operator);
    assert_eq!(ending.unwrap(), Ending::Quit);
    let painted = frames.lock().unwrap().len();
    assert!((10..=13).contains(&painted), "{painted}");
}

#[tokio::test]
async fn what_was_left_while_moving_follows_at_rest() {
    let (start, ends) = start();
    let mut glass = Glass::default();
    let operators = Arc::clone(&glass.operators);
    let last = || operators.lock().unwrap().last().copied();
    let operator = async {
        while last() != Some(Operator::AtRest) {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        press(&ends, "j").await;
        while last() != Some(Operator::Moving) {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        // No key, no news, and still a frame.
        while last() != Some(Operator::AtRest) {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        press(&ends, "q").await;
    };
    let (ending, ()) = tokio::join!(run(start, &mut glass), operator);
    assert_eq!(ending.unwrap(), Ending::Quit);
}
