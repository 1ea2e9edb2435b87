use super::{Component, Holder, Occupant, Occupants, speaks_of};

fn occupant(name: &str) -> Occupant {
    Occupant {
        id: 42,
        name: name.to_owned(),
        ..Occupant::default()
    }
}

fn holder(name: &str, pid: u32) -> Holder {
    Holder {
        pid,
        name: name.to_owned(),
    }
}

#[test]
fn a_program_is_named_with_the_way_to_remove_it() {
    assert_eq!(
        occupant("pass").describe("eth0"),
        "another XDP program is attached there: pass (id 42); `ip link set dev eth0 xdp off` \
         removes it"
    );
    assert!(
        occupant("")
            .describe("eth0")
            .contains("a program whose name is not known (id 42)")
    );
}

#[test]
fn who_holds_an_attachment_is_who_has_to_end() {
    let held = Occupant {
        holders: vec![holder("cilium-agent", 7)],
        by_link: true,
        ..occupant("cil_xdp_entry")
    };
    assert_eq!(
        held.describe("eth0"),
        "another XDP program is attached there: cil_xdp_entry (id 42), held by cilium-agent (pid \
         7); it goes when that ends, or its pin is removed"
    );
}

#[test]
fn an_attachment_that_only_a_pin_keeps_is_not_taken_for_one_that_ip_removes() {
    let pinned = Occupant {
        by_link: true,
        ..occupant("pass")
    };
    let text = pinned.describe("eth0");
    assert!(text.contains("below /sys/fs/bpf"), "{text}");
    // Which processes have it open is not for everybody to see.
    assert!(text.contains("or when its holder ends"), "{text}");
    assert!(!text.contains("ip link"), "{text}");
}

#[test]
fn who_stays_on_an_interface_is_looked_for_once() {
    let mut occupants = Occupants::default();
    let mut looks = Vec::new();
    let mut meet = |ifindex, id: Option<u32>| {
        let of = |ifindex, id| {
            looks.push((ifindex, id));
            Occupant {
                id,
                ..occupant("pass")
            }
        };
        occupants.is_now(ifindex, id, of, |_| true).map(|it| it.id)
    };
    for (ifindex, id) in [
        (2, Some(42)),
        (2, Some(42)),
        (3, Some(42)),
        (2, Some(42)),
        (2, Some(43)),
        (2, None),
        (2, Some(43)),
        (3, Some(42)),
    ] {
        assert_eq!(meet(ifindex, id), id);
    }
    assert_eq!(looks, [(2, 42), (3, 42), (2, 43), (2, 43)]);
}

#[test]
fn a_holder_that_has_gone_is_not_named_again() {
    let mut occupants = Occupants::default();
    let of = |_, id| Occupant {
        id,
        holders: vec![holder("one", 7), holder("two", 8)],
        by_link: true,
        ..occupant("pass")
    };
    let first = occupants.is_now(2, Some(42), of, |_| true);
    assert_eq!(first.map(|it| it.holders.len()), Some(2));
    let text = occupants.is_now(2, Some(42), of, |it| it.pid == 8);
    let text = text.unwrap().describe("eth0");
    assert!(text.contains("held by two (pid 8)"), "{text}");
    let text = occupants.is_now(2, Some(42), of, |_| false);
    let text = text.unwrap().describe("eth0");
    assert!(!text.contains("held by"), "{text}");
}

#[test]
fn a_process_is_there_by_number_and_name() {
    let own = Holder::of(std::process::id());
    assert!(!own.name.is_empty() && own.is_there());
    let other = holder("another", own.pid);
    assert!(!other.is_there());
    // No process has it.
    assert!(!Holder::of(u32::MAX).is_there());
}

#[test]
fn a_dispatcher_is_named_with_what_it_calls() {
    let dispatcher = Occupant {
        components: vec![
            Component {
                id: 40,
                name: "xdpfilt_alw_all".to_owned(),
            },
            Component {
                id: 41,
                name: "count".to_owned(),
            },
        ],
        ..occupant("xdp_dispatcher")
    };
    assert!(dispatcher.is_dispatcher());
    assert_eq!(
        dispatcher.describe("eth0"),
        "another XDP program is attached there: libxdp's dispatcher xdp_dispatcher (id 42), which \
         calls xdpfilt_alw_all (id 40), count (id 41); `xdp-loader unload eth0 --all` removes it"
    );
}

#[test]
fn another_instance_of_ours_is_not_to_be_thrown_off() {
    let text = occupant("lb_agent").describe("eth0");
    assert!(text.contains("another instance of lb-agent"), "{text}");
    assert!(!text.contains("xdp off"), "{text}");
}

#[test]
fn an_fdinfo_speaks_of_its_program_only() {
    let link = "pos:\t0\nflags:\t02000000\nlink_type:\txdp\nlink_id:\t3\nprog_tag:\tabc\n\
                prog_id:\t42\nifindex:\t2\n";
    assert!(speaks_of(link, 42));
    assert!(!speaks_of(link, 4));
    assert!(!speaks_of("prog_id:\t\nmap_id: 42\n", 42));
}
