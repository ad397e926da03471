//! The palette and the jump: what is found by its name, and that everything can be.

use super::*;
use crate::app::replay::Replay;
use crate::app::{Argument, COMMANDS, Effects, Ending};

#[test]
fn a_jump_takes_ids_beginnings_addresses_and_fleets_and_lists_what_is_ambiguous() {
    let first = node_id("blue-412", 1);
    let bare = first.as_str().trim_start_matches("i-");
    for (text, place) in [
        (first.as_str(), first.as_str()),
        (bare, first.as_str()),
        ("10.0.0.2", "10.0.0.2"),
        ("blue-412", "blue-412"),
        ("GREEN", "green-413"),
    ] {
        let one = estate(
            vec![fleet("blue-412", Role::Live, 3), fleet("green-413", Role::Standby, 0)],
            Vec::new(),
        );
        let mut model = on(one);
        press(&mut model, "S ctrl-g");
        types(&mut model, text);
        press(&mut model, "enter");
        let here = crumbs(&model);
        let place = if place == "10.0.0.2" { first.as_str() } else { place };
        assert_eq!(here, format!("fleets > sources > {place}"), "{text}");
    }
    let mut model = on(healthy());
    press(&mut model, "J");
    types(&mut model, "i-0");
    assert_eq!((prompt(&model).matches, prompt(&model).chosen), (6, None));
    press(&mut model, "enter");
    assert_eq!(problem(&model).1, "6 are called so: choose one.");
    assert_eq!(prompt(&model).chosen, Some(0));
    press(&mut model, "down down enter");
    assert_eq!(model.screens().len(), 2);
    assert!(model.layers.is_empty());
    press(&mut model, "J");
    types(&mut model, "i-nowhere");
    press(&mut model, "enter");
    assert_eq!(problem(&model).1, "No node and no fleet is called \"i-nowhere\".");
}

#[test]
fn the_palette_completes_runs_and_says_what_it_cannot() {
    let mut model = on(healthy());
    press(&mut model, ":");
    assert_eq!(prompt(&model).chosen, None, "nothing is run by Enter alone");
    press(&mut model, "enter");
    assert!(problem(&model).1.starts_with("There is no command"));
    types(&mut model, "trf");
    assert_eq!(prompt(&model).choices[0].name, "traffic");
    assert_eq!(prompt(&model).choices[0].keys, "t");
    press(&mut model, "enter");
    assert_eq!(crumbs(&model), "fleets > traffic");
    press(&mut model, ":");
    types(&mut model, "fleet gre");
    press(&mut model, "enter");
    assert_eq!(crumbs(&model), "fleets > traffic > green-413");
    press(&mut model, ":");
    types(&mut model, "node 10.0.0.3");
    assert_eq!(prompt(&model).matches, 2, "one in each fleet has this address");
    press(&mut model, "enter enter");
    assert!(model.layers.len() == 1, "it is not guessed");
    press(&mut model, "down up enter");
    assert_eq!(
        crumbs(&model),
        format!("fleets > traffic > green-413 > {}", node_id("green-413", 2))
    );
    press(&mut model, "backspace :");
    types(&mut model, "filter az:2b");
    press(&mut model, "enter");
    assert_eq!(model.screen().list.filter().text(), "az:2b");
    press(&mut model, ":");
    types(&mut model, "filter shack:x");
    press(&mut model, "enter");
    assert!(problem(&model).1.contains("shack"), "{:?}", problem(&model));
    press(&mut model, "ctrl-u");
    types(&mut model, "quit now");
    press(&mut model, "enter");
    assert_eq!(problem(&model).1, "quit takes nothing after its name.");
    press(&mut model, "ctrl-u");
    types(&mut model, "delete_word");
    press(&mut model, "enter");
    assert_eq!(problem(&model).1, "delete_word means nothing on this screen.");
    press(&mut model, "ctrl-u");
    types(&mut model, "quit");
    let enter = EventKind::Input(Input::Chord("enter".parse().unwrap()));
    let effects = update(&mut model, Event::new(at_now(), enter));
    assert_eq!(effects, Effects::from(Effect::Quit(Ending::Quit)));
}

/// Every action has a sentence, and a key or a line of the palette on some screen.
#[test]
fn every_action_is_documented_and_can_be_reached() {
    let mut model = on(healthy());
    let bound = model.keymap.unbound();
    for command in COMMANDS {
        assert!(command.doc.ends_with('.') && command.doc.len() > 10, "{}", command.name);
        let by_key = !bound.contains(&command.action);
        // The player's commands mean something where a recording is played.
        let plays = command.contexts.contains(&Context::Replay);
        model.replay = plays.then(|| Replay::new((at_now(), at_now())));
        press(&mut model, ":");
        types(&mut model, command.name);
        let by_name = prompt(&model).choices.iter().any(|choice| choice.name == command.name);
        press(&mut model, "esc");
        assert!(by_key || by_name, "{}", command.name);
    }
    assert!(Action::iter().count() == COMMANDS.len());
}

/// What a key does is told by help where it works.
#[test]
fn help_tells_every_key_of_every_context() {
    let mut model = on(healthy());
    for (keys, context) in [
        ("?", Context::Fleets),
        ("enter ?", Context::Nodes),
        ("enter ?", Context::Node),
        ("t ?", Context::Traffic),
        ("F ?", Context::Findings),
        ("T ?", Context::Timeline),
        ("O ?", Context::Rings),
        ("S ?", Context::Sources),
        ("/ f1", Context::Prompt),
    ] {
        press(&mut model, keys);
        let help = model.help();
        assert_eq!(help[0].0, context);
        assert_eq!(help.last().map(|(context, _)| *context), Some(Context::Global));
        let below = model.contexts_under(&model.layers[..model.layers.len() - 1]);
        let hints = model.keymap.hints(&below, &[]);
        let told: Vec<_> = help.iter().flat_map(|(_, hint)| hint.keys.split(", ")).collect();
        for hint in hints {
            assert!(told.contains(&hint.keys.as_str()), "{context}: {}", hint.keys);
        }
        press(&mut model, "esc");
    }
}

#[test]
fn arguments_are_asked_for_in_the_palette() {
    let mut model = on(healthy());
    // A plan without words is about what is selected.
    let asks = |it: &&crate::app::Command| {
        !matches!(it.action.argument(), Argument::None | Argument::Plan(_) | Argument::Rows)
    };
    for command in COMMANDS.iter().filter(asks) {
        press(&mut model, ":");
        types(&mut model, command.name);
        press(&mut model, "enter");
        let asked = prompt(&model).field.text().trim().to_owned();
        assert_eq!(asked, command.name);
        press(&mut model, "esc");
    }
}
