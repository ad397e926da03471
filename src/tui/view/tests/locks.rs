//! Who else is on this: on every screen of the fleet, and on Runs, where a dead one's lock can be
//! taken over.

use super::{THEME, buffer, dump};
use crate::app::fixture::{at, healthy, model, press, show};
use crate::app::layer::Layer;
use crate::app::{Model, RowId};
use crate::core::lock::LockView;
use crate::core::plan::Intent;
use crate::core::record::LockRecord;

/// The healthy world with a lock on it, heard of at second 5.
fn locked(left: bool, (columns, rows): (u16, u16)) -> Model {
    let mut estate = healthy();
    estate.locks = vec![LockView {
        service_id: "srv-lock".into(),
        scope: "front".into(),
        fleets: vec!["blue-412".into(), "green-413".into()],
        said: Ok(LockRecord {
            holder: "ana@bastion-7".into(),
            reason: "cutover blue-412 to green-413".into(),
            run: "20261122-140355-k3xq".into(),
            step: "4/14 :3100 to 10 %".into(),
            heartbeat: Some(at(5)),
            giving: Some("blue-412".into()),
            receiving: Some("green-413".into()),
            suspended: [("blue-412-asg".into(), ["AZRebalance".to_owned()].into())].into(),
            ..LockRecord::default()
        }),
        quiet_since: Some(at(5)),
        unchanged_for: std::time::Duration::ZERO,
        silent: false,
        left,
        observed_at: Some(at(10)),
    }];
    let mut model = model(columns, rows);
    show(&mut model, 20, estate);
    model
}

#[test]
fn it_is_said_on_every_screen_of_its_fleet() {
    for (keys, words) in [
        ("", "holds the lock on front"),
        ("enter", "holds the lock on front"),
        ("enter enter", "front, at step 4/14 :3100 to 10 %"),
        ("R", "ELSEWHERE"),
    ] {
        for size in [(120, 40), (80, 24)] {
            let mut told = locked(false, size);
            press(&mut told, keys);
            let lines = dump(&buffer(&told, THEME));
            // A sentence may go on in the next line.
            let lines = lines.lines().filter_map(|line| line.strip_prefix('|')).map(str::trim);
            let frame = lines.collect::<Vec<_>>().join(" ");
            assert!(frame.contains("ana@bastion-7") && frame.contains(words), "{keys}: {frame}");
        }
        let mut nobody = model(120, 40);
        show(&mut nobody, 20, healthy());
        press(&mut nobody, keys);
        assert!(!dump(&buffer(&nobody, THEME)).contains("lock on front"), "{keys}");
    }
}

#[test]
fn what_a_dead_run_left_is_taken_over_from_runs() {
    let mut model = locked(true, (120, 40));
    press(&mut model, "R");
    assert_eq!(model.screen().list.selected(), Some(&RowId::Lock("srv-lock".into())));
    insta::assert_snapshot!("runs_left_120x40", dump(&buffer(&model, THEME)));
    press(&mut model, "f");
    let Some(Layer::Review(review)) = model.layers.last() else { panic!("{:?}", model.layers) };
    assert_eq!(review.request.intent, Intent::Takeover { lock: "srv-lock".into() });
    press(&mut model, "esc enter");
    assert_eq!(model.screen().kind.crumb(), "blue-412", "enter goes to the fleet it is about");
}
