use std::path::Path;

use crate::config::source::Memory;
use crate::config::{load, report};

fn remarks(text: &str) -> Vec<String> {
    let loaded = load(&Memory::default().with("/main", text), Path::new("/main"));
    let entries = report(&loaded).into_iter();
    entries
        .map(|entry| {
            let place = entry.place.unwrap();
            let related = entry
                .related
                .iter()
                .map(|other| other.place.line.to_string());
            let related: Vec<String> = related.collect();
            format!(
                "{}:{} {} ({}): {}",
                place.line,
                place.column,
                entry.severity.word(),
                related.join(","),
                entry.message
            )
        })
        .collect()
}

/// An instance with these lines from line 4 on.
fn instance(lines: &str) -> String {
    format!(
        "vrrp_instance A {{\ninterface eth0\nvirtual_router_id 1\n{lines}\nno_virtual_ipaddress\n}}\n\
         vrrp_script S {{\nscript /bin/true\n}}\nvrrp_script W {{\nscript /bin/true\nweight -20\n}}\n"
    )
}

#[test]
fn nopreempt_keeps_a_weight_from_moving_the_address() {
    let expected = "5:15 warning (4): the weight of `W` cannot move the virtual address: with \
                    `nopreempt` a backup leaves a living master alone, whatever its priority";
    assert_eq!(
        remarks(&instance("nopreempt\ntrack_script { W }")),
        [expected.replace("5:15", "5:16")]
    );
    assert_eq!(
        remarks(&instance("nopreempt\ntrack_script { S }")),
        Vec::<String>::new()
    );
    assert_eq!(
        remarks(&instance("track_script { W }")),
        Vec::<String>::new()
    );
}

#[test]
fn a_small_weight_says_whom_it_can_move_the_address_to() {
    assert_eq!(
        remarks(&instance("track_script { S weight -2 }")),
        [
            "4:16 warning (): what is tracked moves the virtual address only to a router whose priority is from 98 to 100"
        ]
    );
    assert_eq!(
        remarks(&instance("priority 90\ntrack_interface { eth1 weight 5 }")),
        [
            "5:19 warning (): what is tracked moves the virtual address only to a router whose priority is from 90 to 95"
        ]
    );
    assert_eq!(
        remarks(&instance("track_script { S weight -10 }")),
        Vec::<String>::new()
    );
    assert_eq!(
        remarks(&instance("priority 255\ntrack_script { W }")),
        [
            "5:16 warning (): the weight of `W` changes nothing: priority 255 is that of the address's owner and stays"
        ]
    );
}

#[test]
fn strict_mode_says_what_it_does_not_go_with() {
    let lines =
        "unicast_peer { 10.0.0.2 }\nauthentication { auth_type PASS\nauth_pass x }\nstrict_mode";
    assert_eq!(
        remarks(&instance(lines)),
        [
            "4:16 warning (7): strict mode knows no unicast peers; they are used all the same, as keepalived does",
            "5:18 warning (7): strict mode has no authentication: it is ignored",
            "7:1 warning (): strict: the virtual addresses answer nothing, not even ping, but for the owner (priority 255)",
        ]
    );
}

#[test]
fn persistence_hides_weights_that_differ() {
    let service = |persistence: &str, weight: u8| {
        format!(
            "virtual_server 10.0.0.1 80 {{\nlb_algo wrr\nlb_kind NAT\nprotocol TCP\n{persistence}\n\
             real_server 10.0.0.2 80 {{\nweight 3\n}}\nreal_server 10.0.0.3 80 {{\nweight {weight}\n}}\n}}\n"
        )
    };
    let expected = "5:1 notice (): for 50 s after its last connection a client goes to the server \
                    that it had: over few clients, or many behind one address, the weights do not show";
    assert_eq!(remarks(&service("persistence_timeout 50", 1)), [expected]);
    assert_eq!(
        remarks(&service("persistence_timeout 50", 3)),
        Vec::<String>::new()
    );
    assert_eq!(remarks(&service("", 1)), Vec::<String>::new());
}

#[test]
fn a_fwmark_says_why_xdp_cannot_serve_it() {
    let text = "virtual_server fwmark 3 {\nlb_algo rr\nlb_kind NAT\nprotocol TCP\nreal_server 10.0.0.2 80 {\n}\n}";
    assert_eq!(
        remarks(text),
        [
            "1:1 notice (): XDP cannot serve this: it sees a packet before a firewall marks it; the kernel's IPVS does",
            "4:1 warning (): a fwmark has no protocol: this is ignored, as with keepalived",
        ]
    );
}

#[test]
fn braces_in_a_row_close_one_block_each() {
    let text = "vrrp_instance A {\ninterface eth0\nvirtual_router_id 1\nvirtual_ipaddress {\n10.0.0.1 }}\n";
    assert_eq!(remarks(text), Vec::<String>::new());
    let text = format!("{text}}}\n");
    assert_eq!(remarks(&text), ["6:1 error (5): this `}` closes nothing"]);
    let text = "vrrp_instance A {\ninterface eth0\nvirtual_router_id 1\nvirtual_ipaddress {\n10.0.0.1\n}\nglobal_defs {\n}\n";
    assert_eq!(
        remarks(text),
        ["1:1 error (7): `vrrp_instance A` is not closed: a `}` is missing"]
    );
}

#[test]
fn a_reference_to_nothing_shows_both_places() {
    let text = instance("track_script { X1 }").replace("vrrp_script S", "vrrp_script X2");
    assert_eq!(
        remarks(&text),
        ["4:16 warning (7): there is no vrrp_script `X1`: it is not tracked"]
    );
}

/// An instance with a name, an interface and a virtual address, and these lines from line 7 on.
fn named(name: &str, vrid: u8, lines: &str) -> String {
    format!(
        "vrrp_instance {name} {{\ninterface eth0\nvirtual_router_id {vrid}\nvirtual_ipaddress {{\n\
         10.0.0.{vrid}\n}}\n{lines}\n}}\n"
    )
}

#[test]
fn two_sources_of_one_instance_are_said_with_both_places() {
    let peer = "unicast_peer {\n10.0.0.9\n}";
    let lines = format!("mcast_src_ip 10.0.0.7\nunicast_src_ip 10.0.0.8\n{peer}");
    assert_eq!(
        remarks(&named("A", 1, &lines)),
        ["8:1 warning (7): `unicast_src_ip` takes the place of `mcast_src_ip`: both say one thing"]
    );
    let lines = format!("unicast_src_ip 10.0.0.8\n{peer}");
    assert_eq!(remarks(&named("A", 1, &lines)), Vec::<String>::new());
}

#[test]
fn keywords_of_unicast_without_a_peer_are_said() {
    for lines in [
        "unicast_src_ip 10.0.0.8",
        "unicast_ttl 200",
        "check_unicast_src",
    ] {
        let keyword = lines.split(' ').next().unwrap();
        let expected =
            format!("7:1 warning (): `{keyword}`, and no peer: adverts go to the multicast group");
        assert_eq!(remarks(&named("A", 1, lines)), [expected]);
    }
    let lines = "unicast_src_ip 10.0.0.8\nunicast_fault_no_peer";
    assert_eq!(remarks(&named("A", 1, lines)), Vec::<String>::new());
}

#[test]
fn a_sync_daemon_of_an_instance_that_is_not_there_is_said() {
    let text = |name: &str| {
        let instance = named("VI_1", 1, "");
        format!("global_defs {{\nlvs_sync_daemon eth0 {name}\n}}\n{instance}")
    };
    assert_eq!(remarks(&text("VI_1")), Vec::<String>::new());
    let said = remarks(&text("VI_2"));
    assert_eq!(said.len(), 1, "{said:?}");
    assert!(said[0].starts_with("2:1 warning (4): there is no vrrp_instance `VI_2`: "));
}

#[test]
fn a_group_that_is_defined_twice_is_shown_with_both_places() {
    let instances = named("A", 1, "") + &named("B", 2, "");
    for (keyword, block) in [
        ("vrrp_sync_group", "{\ngroup {\nA\nB\n}\n}\n"),
        ("track_group", "{\ngroup {\nA\n}\n}\n"),
        ("virtual_server_group", "{\n10.0.0.9 80\n}\n"),
    ] {
        let text = format!("{instances}{keyword} G {block}{keyword} G {block}");
        let said = remarks(&text);
        let twice = format!("(17): {keyword} `G` is defined twice: this one is left out");
        assert!(said.iter().any(|one| one.ends_with(&twice)), "{said:?}");
    }
}

#[test]
fn weights_that_a_sync_group_takes_away_are_said() {
    let weighted = "track_interface {\neth1 weight -20\n}";
    let instances = named("A", 1, weighted) + &named("B", 2, "");
    let group = |more: &str| format!("vrrp_sync_group G {{\ngroup {{\nA\nB\n}}\n{more}\n}}\n");
    let said = remarks(&(instances.clone() + &group("")));
    assert_eq!(
        said,
        [
            "1:15 warning (): the weights of what vrrp_instance `A` tracks do not count: it is a \
             member of vrrp_sync_group `G`"
        ]
    );
    let said = remarks(&(instances + &group("sync_group_tracking_weight")));
    assert_eq!(said, Vec::<String>::new());
}

/// Of those of processes keepalived says nothing.
#[test]
fn weights_of_processes_that_a_sync_group_takes_away_are_no_fault() {
    let text = |more: &str| {
        format!(
            "{}{}vrrp_track_process P {{\nprocess x\nweight 5\n}}\n\
             vrrp_sync_group G {{\ngroup {{\nA\nB\n}}\n}}\n",
            named("A", 1, &format!("track_process {{\nP\n}}\n{more}")),
            named("B", 2, "")
        )
    };
    let said = remarks(&text(""));
    assert!(
        said.iter().any(|one| one.ends_with(
            "the weights of the processes that vrrp_instance `A` tracks do not count here: it is a \
             member of vrrp_sync_group `G`"
        )),
        "{said:?}"
    );
    let status = |text: String| {
        load(&Memory::default().with("/main", text), Path::new("/main")).exit_status()
    };
    assert_eq!(status(text("")), 0);
    let interface = text("track_interface {\neth1 weight -20\n}");
    assert_eq!(status(interface), 5);
}
