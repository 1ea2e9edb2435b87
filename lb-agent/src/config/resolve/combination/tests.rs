use std::path::Path;

use crate::config::source::Memory;
use crate::config::{Loaded, load, report};

fn of(lines: &str) -> Loaded {
    let text = format!(
        "virtual_server 10.0.0.1 80 {{\n{lines}\nlb_kind NAT\nreal_server 10.0.0.2 80 {{\nweight 2\n}}\n\
         real_server 10.0.0.3 80 {{\n}}\n}}\n"
    );
    load(&Memory::default().with("/main", text), Path::new("/main"))
}

fn adjusted(loaded: &Loaded) -> Vec<String> {
    let entries = report(loaded).into_iter();
    entries
        .filter(|entry| entry.code.slug() == "adjusted")
        .map(|entry| format!("{}: {}", entry.place.unwrap().line, entry.message))
        .collect()
}

#[test]
fn a_quorum_is_at_most_all_weights_and_the_hysteresis_below_it() {
    for (lines, quorum, hysteresis, said) in [
        ("quorum 2\nhysteresis 1", 2, 1, vec![]),
        (
            "quorum 3\nhysteresis 2",
            3,
            0,
            vec![
                "4: with a hysteresis of 2 the quorum is gained with weights of 5, and all together are 3: it is 0",
            ],
        ),
        (
            "quorum 9",
            3,
            0,
            vec![
                "3: all weights together are 3, so that a quorum of 9 would never be reached: it is 3",
            ],
        ),
        (
            "quorum 2\nhysteresis 2",
            2,
            1,
            vec!["4: a hysteresis of 2 is not below the quorum of 2: it is 1"],
        ),
        (
            "hysteresis 1",
            1,
            0,
            vec!["3: a hysteresis of 1 is not below the quorum of 1: it is 0"],
        ),
    ] {
        let loaded = of(&format!("protocol TCP\n{lines}\nlb_algo rr"));
        let service = &loaded.config.virtual_servers[0];
        assert_eq!(
            (service.quorum, service.hysteresis),
            (quorum, hysteresis),
            "{lines}"
        );
        assert_eq!(adjusted(&loaded), said, "{lines}");
    }
}

#[test]
fn what_is_for_another_protocol_or_scheduler_is_ignored() {
    let loaded = of("protocol TCP\nops\nlb_algo rr\nhashed");
    let service = &loaded.config.virtual_servers[0];
    assert!(!service.ops && !service.flags.hashed);
    assert_eq!(
        adjusted(&loaded),
        [
            "3: `ops` is for UDP only: it is ignored",
            "5: `hashed` is for `lb_algo sh` only: it is ignored",
        ]
    );
    let loaded = of("protocol UDP\nops\nlb_algo sh\nhashed");
    let service = &loaded.config.virtual_servers[0];
    assert!(service.ops && service.flags.hashed);
    assert_eq!(adjusted(&loaded), Vec::<String>::new());
}

#[test]
fn a_slow_start_where_nobody_looks_at_weights_is_said() {
    let said = |lb_algo: &str| {
        let loaded = of(&format!(
            "protocol TCP\nxdp_slow_start 30\nlb_algo {lb_algo}"
        ));
        let entries = report(&loaded).into_iter();
        let accepted = entries.filter(|entry| entry.code.slug() == "accepted");
        let lines: Vec<usize> = accepted.map(|entry| entry.place.unwrap().line).collect();
        lines
    };
    for lb_algo in ["rr", "lc", "dh"] {
        assert_eq!(said(lb_algo), [3], "{lb_algo}");
    }
    for lb_algo in [
        "wrr", "wlc", "sed", "nq", "sh", "mh", "lblc", "lblcr", "fo", "ovf", "twos",
    ] {
        assert_eq!(said(lb_algo), [0; 0], "{lb_algo}");
    }
    let loaded = of("protocol TCP\nlb_algo rr\nxdp_slow_start 0");
    assert!(
        report(&loaded)
            .iter()
            .all(|it| it.code.slug() != "accepted")
    );
}
