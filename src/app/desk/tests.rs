//! Marks, bookmarks, snoozes in the model alone. Files and clipboard: `engine/console/tests/desk`.

use crate::app::fixture::{self, at, feed, press, show};
use crate::app::{EventKind, Model, RowId};
use crate::core::commands::{Next, Reach, of_node};
use crate::core::finding::FindingKind;
use crate::core::ids::StackId;
use crate::core::inventory::{RingMember, RingState};
use crate::core::rings::Debris;

const REACH: Reach<'_> =
    Reach { region: Some("us-west-2"), profile: Some("on call"), endpoint: None };

fn console() -> Model {
    let mut model = fixture::model(80, 24);
    show(&mut model, 1, fixture::healthy());
    show(&mut model, 2, fixture::troubled());
    model
}

#[test]
fn marks_survive_what_moves_and_are_dropped_with_their_node() {
    let mut model = fixture::model(80, 24);
    show(&mut model, 1, fixture::healthy());
    press(&mut model, "enter space space > s / i - 0 enter");
    let [one, two] = [1, 2].map(|number| fixture::node_id("blue-412", number));
    assert_eq!(model.operation.marks, [one.clone(), two.clone()].into());
    show(&mut model, 2, fixture::healthy());
    assert_eq!(model.operation.marks.len(), 2, "news alone takes no mark");
    let mut fewer = fixture::healthy();
    fewer.nodes.remove(&one);
    show(&mut model, 3, fewer);
    assert_eq!(model.operation.marks, [two].into());
    let said = model.notices.all().last().unwrap();
    assert_eq!(said.text, format!("The mark on {one} is dropped: the node is gone."));
}

#[test]
fn a_snooze_ends_by_itself_when_its_time_is_over() {
    let mut model = console();
    press(&mut model, "F : s n o o z e space 1 m space x enter");
    let held = |model: &Model| model.snooze(&model.causes.last().unwrap().key).is_some();
    assert!(held(&model));
    feed(&mut model, 61, EventKind::Tick);
    assert!(held(&model), "a second is left");
    feed(&mut model, 62, EventKind::Tick);
    assert!(!held(&model) && model.desk.kept.snoozes.is_empty());
    assert_eq!(
        model.notices.current(at(62)).unwrap().text,
        "boot_race green-413 is snoozed no more: its time is over."
    );
    assert_eq!(model.causes[0].key.kind, FindingKind::BootRace, "and stands where it stood");
}

#[test]
fn bookmarks_and_notes_are_found_again() {
    let mut model = console();
    press(&mut model, "T j b");
    let Some(RowId::Change(seq)) = model.screen().list.selected().cloned() else { panic!() };
    press(&mut model, "n d e p l o y enter");
    press(&mut model, "/ m a r k : b o o k enter");
    assert_eq!(model.screen().list.rows(), [RowId::Change(seq)]);
    press(&mut model, "esc / k i n d : n o t e enter");
    let rows = model.screen().list.rows().to_vec();
    let [RowId::Change(note)] = rows.as_slice() else { panic!("{rows:?}") };
    let entry = model.timeline.get(*note).unwrap();
    assert_eq!((entry.at, entry.text.as_str()), (at(2), ": deploy"));
    assert_eq!(entry.stack_id, model.timeline.get(seq).unwrap().stack_id);
}

#[test]
fn a_node_has_the_exact_commands() {
    let estate = fixture::troubled();
    let node = &estate.nodes[&fixture::node_id("green-413", 3)];
    let lines: Vec<String> =
        of_node(&estate, node, REACH).into_iter().map(|one| one.line).collect();
    let id = node.id.as_str();
    let way = "--region us-west-2 --profile 'on call'";
    assert_eq!(
        lines,
        [
            format!("aws ssm start-session --target {id} {way}"),
            format!(
                "aws ssm start-session --target {id} --document-name \
                 AWS-StartInteractiveCommand --parameters '{{\"command\":[\"sudo docker compose \
                 --project-directory /opt/glt logs --tail 200 loki\"]}}' {way}"
            ),
            format!(
                "aws autoscaling terminate-instance-in-auto-scaling-group --instance-id {id} \
                 --no-should-decrement-desired-capacity {way}"
            ),
            format!(
                "aws autoscaling set-desired-capacity --auto-scaling-group-name green-413-asg \
                 --desired-capacity 6 {way}"
            ),
        ]
    );
}

#[test]
fn a_ring_forgets_only_what_concerns_the_node() {
    let mut estate = fixture::healthy();
    fixture::with_rings(&mut estate);
    let [one, two] = [1, 2].map(|number| fixture::node_id("blue-412", number));
    let member = RingMember {
        id: "loki-9".into(),
        address: "10.0.0.99:9095".into(),
        state: RingState::Unhealthy,
        heartbeat_age: Some(400),
        registered_age: None,
        zone: None,
        tokens: None,
    };
    let forget = "curl -sS -X POST --data-urlencode forget=loki-9 http://10.0.0.2:3100/ring";
    let debris = Debris {
        member,
        instance: None,
        seen_by: 3,
        blocks: vec![one.clone()],
        forget: Some(forget.into()),
    };
    estate.fleets.get_mut(&StackId::from("blue-412")).unwrap().rings[0].debris.push(debris);
    let next = Next::Forget("loki".into(), "loki-9".into());
    let of = |id| of_node(&estate, &estate.nodes[id], REACH);
    let found: Vec<_> = of(&one).into_iter().filter(|one| one.next == next).collect();
    assert_eq!(found.iter().map(|one| one.line.as_str()).collect::<Vec<_>>(), [forget]);
    assert!(of(&two).iter().all(|one| one.next != next));
}
