use std::path::Path;
use std::time::Duration;

use super::*;
use crate::config::{Memory, load, report};

fn loaded(global: &str, lines: &str) -> crate::config::Loaded {
    let text = format!(
        "global_defs {{\n{global}\n}}\nvrrp_instance A {{\ninterface eth0\nvirtual_router_id 1\n\
         virtual_ipaddress {{\n10.0.0.1\n}}\n{lines}\n}}\n"
    );
    load(&Memory::default().with("/main", text), Path::new("/main"))
}

/// The instance, and what is said as adjusted: the line of the file and the message.
fn of(global: &str, lines: &str) -> (VrrpInstance, Vec<String>) {
    let loaded = loaded(global, lines);
    let entries = report(&loaded).into_iter();
    let adjusted = entries.filter(|entry| entry.code.slug() == "adjusted");
    let said = adjusted.map(|entry| entry.message).collect();
    (loaded.config.vrrp_instances[0].clone(), said)
}

/// As `keepalived -d` of 2.2.7 says it.
#[test]
fn the_model_has_what_strict_mode_runs_with() {
    for (global, lines) in [("vrrp_strict", ""), ("", "strict_mode")] {
        let (instance, said) = of(global, lines);
        assert!(instance.strict_mode);
        assert!(!instance.accept);
        assert!(instance.lower_prio_no_advert);
        assert!(!instance.higher_prio_send_advert);
        assert_eq!(instance.garp.lower_prio_delay, Duration::ZERO);
        assert_eq!(instance.garp.lower_prio_repeat, 0);
        assert_eq!(instance.down_timer_adverts, 3);
        assert_eq!(instance.state, InitialState::Backup);
        assert_eq!(said, Vec::<String>::new());
    }
}

#[test]
fn each_keyword_that_strict_mode_takes_back_is_named_once() {
    for (lines, part) in [
        (
            "authentication {\nauth_type PASS\nauth_pass 1234\n}",
            "no authentication",
        ),
        ("preempt_delay 7", "no `preempt_delay`"),
        ("lower_prio_no_advert off", "`lower_prio_no_advert` is on"),
        (
            "higher_prio_send_advert",
            "`higher_prio_send_advert` is off",
        ),
        ("garp_lower_prio_delay 3", "`garp_lower_prio_delay` is 0"),
        ("garp_lower_prio_repeat 3", "`garp_lower_prio_repeat` is 0"),
        ("down_timer_adverts 9", "`down_timer_adverts` is 3"),
        ("use_vmac\nvmac_xmit_base", "`vmac_xmit_base` is ignored"),
        ("state MASTER\npriority 100", "this one begins as BACKUP"),
        ("state BACKUP\npriority 255", "begins as MASTER"),
        ("accept", "has no `accept`"),
    ] {
        let (with, said) = of("vrrp_strict", lines);
        assert!(
            matches!(said.as_slice(), [one] if one.contains(part)),
            "{lines}: {said:?}"
        );
        assert_eq!(with.authentication, None);
        assert_eq!(with.preempt_delay, Duration::ZERO);
        assert_eq!(loaded("vrrp_strict", lines).exit_status(), 5, "{lines}");
    }
}

/// As `keepalived -d` of 2.2.7 says it: the state is set first, and then `nopreempt` is kept.
#[test]
fn nopreempt_is_kept_by_whom_strict_mode_has_begin_as_backup() {
    let (instance, said) = of("vrrp_strict", "state MASTER\npriority 100\nnopreempt");
    assert_eq!(instance.state, InitialState::Backup);
    assert!(instance.nopreempt);
    assert!(
        matches!(said.as_slice(), [one] if one.contains("this one begins as BACKUP")),
        "{said:?}"
    );
    let (owner, said) = of("vrrp_strict", "state MASTER\nnopreempt");
    assert_eq!(owner.state, InitialState::Master);
    assert!(!owner.nopreempt);
    assert!(
        matches!(said.as_slice(), [one] if one.contains("`nopreempt` has no effect")),
        "{said:?}"
    );
    let delayed = "state MASTER\npriority 100\nnopreempt\npreempt_delay 5";
    let (instance, said) = of("vrrp_strict", delayed);
    assert_eq!(instance.preempt_delay, Duration::ZERO);
    let of_the_delay = said.iter().filter(|one| one.contains("`preempt_delay`"));
    assert_eq!(of_the_delay.count(), 1, "{said:?}");
}

#[test]
fn what_agrees_with_strict_mode_draws_no_word() {
    for lines in [
        "lower_prio_no_advert",
        "down_timer_adverts 3",
        "state MASTER",
        "priority 255",
        "no_accept",
        "version 3\naccept",
        "priority 255\naccept",
    ] {
        let (_, said) = of("vrrp_strict", lines);
        assert_eq!(said, Vec::<String>::new(), "{lines}");
        assert_eq!(loaded("vrrp_strict", lines).exit_status(), 0, "{lines}");
    }
    let (_, said) = of("vrrp_strict\nvrrp_down_timer_adverts 5", "");
    assert_eq!(
        said,
        ["strict mode waits for 3 adverts: `down_timer_adverts` is 3"]
    );
}

#[test]
fn strict_mode_leaves_accept_to_the_owner_and_to_version_3() {
    for (lines, accept) in [
        ("", false),
        ("accept", false),
        ("priority 255", true),
        ("priority 255\nno_accept", false),
        ("version 3", false),
        ("version 3\naccept", true),
    ] {
        assert_eq!(of("vrrp_strict", lines).0.accept, accept, "{lines}");
    }
    assert!(of("", "").0.accept);
    assert!(!of("", "no_accept").0.accept);
}
