//! Every way in which a peer is not proven gone, one fact at a time.

use super::*;
use crate::core::inventory::GroupInstance;
use std::collections::BTreeMap;

const GHOST: &str = "i-00000000000000001";

fn entry(account: Option<&str>) -> Member {
    let attributes = BTreeMap::from([
        ("AWS_INSTANCE_IPV4".to_owned(), "10.0.0.1".to_owned()),
        ("STACK".to_owned(), "blue".to_owned()),
    ]);
    Member { account: account.map(str::to_owned), ..Member::new(GHOST.into(), attributes) }
}

fn group(of: &str) -> AutoScalingGroup {
    let instance = GroupInstance {
        id: of.into(),
        zone: "us-west-2a".into(),
        lifecycle: "Terminating".into(),
        health: "Unhealthy".into(),
        launch_template: None,
        launch_template_version: None,
        protected: false,
    };
    AutoScalingGroup {
        name: "blue-asg".into(),
        min: 1,
        max: 1,
        desired: 1,
        zones: vec![],
        health_check_types: vec![],
        grace_seconds: 0,
        suspended: BTreeMap::new(),
        target_groups: vec![],
        tags: BTreeMap::new(),
        instances: vec![instance],
    }
}

fn proof() -> Evidence<'static> {
    Evidence { ec2: Ec2Says::Terminated, groups: &[], account: "1", address: AddressSays::Refuses }
}

fn is_gone(entry: &Member, seen: &Evidence<'_>) -> bool {
    matches!(judge(entry, seen), Verdict::Gone(_))
}

#[test]
fn all_four_facts_together_prove_it() {
    for ec2 in [Ec2Says::Terminated, Ec2Says::LeftOutTwice] {
        for address in [AddressSays::Refuses, AddressSays::TimesOut, AddressSays::IsAnothers] {
            for account in [None, Some("1")] {
                assert!(is_gone(&entry(account), &Evidence { ec2, address, ..proof() }));
            }
        }
    }
}

#[test]
fn each_fact_is_needed() {
    for ec2 in [Ec2Says::Exists, Ec2Says::LeftOutOnce] {
        assert!(!is_gone(&entry(None), &Evidence { ec2, ..proof() }), "{ec2:?}");
    }
    for address in [AddressSays::Answers, AddressSays::Unknown] {
        assert!(!is_gone(&entry(None), &Evidence { address, ..proof() }), "{address}");
    }
    assert!(!is_gone(&entry(Some("2")), &proof()), "another account's");
    let listed = [group("i-00000000000000009"), group(GHOST)];
    assert!(!is_gone(&entry(None), &Evidence { groups: &listed, ..proof() }), "in a group");
    assert!(is_gone(&entry(None), &Evidence { groups: &listed[..1], ..proof() }));
    let odd = Member::new("node-7".into(), (*entry(None).attributes).clone());
    assert!(!is_gone(&odd, &proof()), "EC2 knows nothing of such ids");
}

#[test]
fn two_answers_make_one_word() {
    let ec2 = |state: &str| Ec2Instance {
        id: GHOST.into(),
        state: state.into(),
        private_ip: None,
        zone: None,
        launched: None,
        image: None,
    };
    let once = |found: &[Ec2Instance]| Ec2Says::once(found, &GHOST.into());
    let absent = once(&[]);
    assert_eq!(absent, Ec2Says::LeftOutOnce);
    assert_eq!(absent.twice(absent), Ec2Says::LeftOutTwice);
    assert_eq!(absent.twice(once(&[ec2("running")])), Ec2Says::Exists);
    assert_eq!(once(&[ec2("shutting-down")]), Ec2Says::Exists, "on its way, and not there yet");
    assert_eq!(once(&[ec2("stopped")]), Ec2Says::Exists, "may be started again");
    assert_eq!(once(&[ec2("terminated")]).twice(absent), Ec2Says::LeftOutOnce);
}
