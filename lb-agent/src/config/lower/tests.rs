use std::path::Path;

use crate::config::source::Memory;
use crate::config::{Loaded, load};

fn of(text: &str) -> Loaded {
    load(&Memory::default().with("/main", text), Path::new("/main"))
}

/// Line, column, severity, code, message and help of each remark.
fn remarks(loaded: &Loaded) -> Vec<String> {
    let shown = crate::config::report(loaded).into_iter().map(|entry| {
        let place = entry
            .place
            .map_or_else(String::new, |at| format!("{}:{} ", at.line, at.column));
        let help = entry
            .help
            .map_or_else(String::new, |help| format!(" [{help}]"));
        format!(
            "{place}{} {}: {}{help}",
            entry.severity.word(),
            entry.code.slug(),
            entry.message
        )
    });
    shown.collect()
}

/// Behind what XDP cannot serve.
const MEANT: &str = "[`xdp_mode off` in this virtual_server says that this is meant]";

/// A whole instance around `lines`, so that only these draw remarks.
fn instance(lines: &str) -> String {
    format!(
        "vrrp_instance A {{\n{lines}\ninterface eth0\nvirtual_router_id 1\nno_virtual_ipaddress\n}}\n"
    )
}

/// A whole virtual server around `lines`.
fn service(lines: &str) -> String {
    format!(
        "virtual_server 10.0.0.1 80 {{\n{lines}\nlb_algo rr\nlb_kind NAT\nprotocol TCP\n\
         real_server 10.0.0.2 80 {{\n}}\n}}\n"
    )
}

#[track_caller]
fn check(text: &str, expected: &[&str]) {
    assert_eq!(remarks(&of(text)), expected, "{text}");
}

#[test]
fn a_wrong_value_draws_one_remark_and_leaves_the_default() {
    for (line, expected) in [
        (
            "priority 300",
            "2:10 warning bad-value: `300` is not a whole number from 1 to 255: 100 is used",
        ),
        (
            "priority -1",
            "2:10 warning bad-value: `-1` is not a whole number from 1 to 255: 100 is used",
        ),
        (
            "priority <N>",
            "2:10 warning bad-value: `<N>` is not a whole number from 1 to 255: 100 is used",
        ),
        (
            "state SLAVE",
            "2:7 warning bad-value: `SLAVE` is not one of MASTER, BACKUP: the line is ignored",
        ),
        (
            "advert_int 0",
            "2:12 warning bad-value: `0` is not a time from 0.01 to 255 seconds, like `5` or `0.5`: the line is ignored",
        ),
        (
            "skip_check_adv_addr 5",
            "2:21 warning bad-value: `5` is not a switch: on, true, yes, off, false or no: the line is ignored",
        ),
        (
            "mcast_dst_ip 10.0.0.1",
            "2:14 warning bad-value: `10.0.0.1` is not a multicast address (224.0.0.0/4 or ff00::/8): the line is ignored",
        ),
        (
            "unicast_src_ip eth0",
            "2:16 warning bad-value: `eth0` is not an IP address: the line is ignored",
        ),
        (
            "unicast_peer { 10.0.0.x }",
            "2:16 warning bad-value: `10.0.0.x` is not an IP address: the line is ignored",
        ),
        (
            "version 4",
            "2:9 warning bad-value: `4` is not a whole number from 2 to 3: the line is ignored",
        ),
        (
            "authentication { auth_type MD5\n}",
            "2:28 warning bad-value: `MD5` is not one of PASS, AH: the line is ignored",
        ),
    ] {
        let loaded = of(&instance(line));
        assert_eq!(remarks(&loaded), [expected], "{line}");
        assert_eq!(of(&instance("")).config, loaded.config, "{line}");
        assert_eq!(loaded.exit_status(), 5, "{line}");
    }
}

#[test]
fn a_switch_where_keepalived_reads_none_is_taken_and_the_difference_said() {
    let off = "2:20 warning surprising: `dont_track_primary` is switched off here; keepalived reads \
               no switch behind it and switches it on [leave the line out: that is off for both]";
    let rest =
        "2:20 warning extra-words: nothing is expected here: the rest of the line is ignored";
    for (line, tracks, expected) in [
        ("dont_track_primary", false, vec![]),
        ("dont_track_primary on", false, vec![]),
        ("dont_track_primary no", true, vec![off]),
        ("dont_track_primary 5", false, vec![rest]),
    ] {
        let loaded = of(&instance(line));
        assert_eq!(remarks(&loaded), expected, "{line}");
        let instance = &loaded.config.vrrp_instances[0];
        assert_eq!(instance.dont_track_primary, !tracks, "{line}");
    }
}

#[test]
fn a_wrong_value_of_a_service_draws_one_remark_and_leaves_the_default() {
    for (line, expected) in [
        (
            "delay_loop 0",
            "2:12 warning bad-value: `0` is not a time from 0.000001 to 31536000 seconds, like `5` or `0.5`: the line is ignored",
        ),
        (
            "lb_algo fast",
            "2:9 warning bad-value: `fast` is not a scheduler, like rr or wlc: the line is ignored",
        ),
        (
            "lb_kind dr",
            "2:9 warning bad-value: `dr` is not one of NAT, DR, TUN: the line is ignored",
        ),
        (
            "protocol ICMP",
            "2:10 warning bad-value: `ICMP` is not one of TCP, UDP, SCTP: the line is ignored",
        ),
        (
            "persistence_timeout 2678401",
            "2:21 warning bad-value: `2678401` is not a whole number from 0 to 2678400: the line is ignored",
        ),
        (
            "persistence_granularity 255.0.255.0",
            "2:25 warning bad-value: `255.0.255.0` is not a netmask, like `255.255.255.0` or `24`: the line is ignored",
        ),
        (
            "sorry_server 10.0.0.9 x",
            "2:23 warning bad-value: `x` is not a port (1 to 65535): the line is ignored",
        ),
        (
            "real_server 10.0.0.300 80 {\n}",
            "2:13 error bad-value: `10.0.0.300` is not an IP address: the whole block is left out",
        ),
        (
            "real_server 10.0.0.3 99999 {\n}",
            "2:22 error bad-value: `99999` is not a port (1 to 65535): the whole block is left out",
        ),
    ] {
        let loaded = of(&service(line));
        assert_eq!(remarks(&loaded), [expected], "{line}");
        assert_eq!(of(&service("")).config, loaded.config, "{line}");
    }
}

#[test]
fn an_address_line_that_is_not_understood_is_left_out_as_a_whole() {
    let dropped = [
        (
            "10.0.0.300/24",
            "3:1 warning bad-value: `10.0.0.300/24` is not an IP address: the line is ignored",
        ),
        (
            "10.0.0.3/33",
            "3:1 warning bad-value: `10.0.0.3/33` is not an address with a prefix length: a whole number from 0 to 32: the line is ignored",
        ),
        (
            "224.0.0.1",
            "3:1 warning bad-value: `224.0.0.1` is not the address of a host: the line is ignored",
        ),
        (
            "10.0.0.3 dev",
            "3:10 warning bad-value: `dev` is missing its value: the address is left out",
        ),
        (
            "10.0.0.3 dev a/b",
            "3:14 warning bad-value: `a/b` is not the name of an interface: 1 to 15 characters without blank, `/` and `:`: the address is left out",
        ),
        (
            "10.0.0.3 label eth0:muchtoolong1",
            "3:16 warning bad-value: `eth0:muchtoolong1` is not a label of 1 to 15 characters: the address is left out",
        ),
        (
            "10.0.0.3 scope moon",
            "3:16 warning bad-value: `moon` is not a scope: global, site, link, host or a number to 255: the address is left out",
        ),
        (
            "10.0.0.3 brd x",
            "3:14 warning bad-value: `x` is not an IPv4 broadcast address, `+` or `-`: the address is left out",
        ),
    ];
    for (line, expected) in dropped {
        let loaded = of(&instance(&format!("virtual_ipaddress {{\n{line}\n}}")));
        assert_eq!(remarks(&loaded), [expected]);
        assert!(loaded.config.vrrp_instances[0].virtual_ipaddress.is_empty());
    }
    let kept = [
        (
            "10.0.0.3 foo",
            "3:10 warning unknown-keyword: `foo` is no option of an address: it is ignored",
        ),
        (
            "10.0.0.3 lable x",
            "3:10 warning unknown-keyword: `lable` is no option of an address: it is ignored [did you mean `label`?]",
        ),
        (
            "10.0.0.3 10.0.0.4",
            "3:10 warning unknown-keyword: `10.0.0.4` is ignored: one line holds one address [give each address a line of its own]",
        ),
    ];
    for (line, expected) in kept {
        let loaded = of(&instance(&format!("virtual_ipaddress {{\n{line}\n}}")));
        assert_eq!(remarks(&loaded).first().map(String::as_str), Some(expected));
        assert_eq!(loaded.config.vrrp_instances[0].virtual_ipaddress.len(), 1);
    }
}

#[test]
fn unknown_words_come_with_what_was_probably_meant() {
    check(
        "vrrp_instanceVI_1 {\n a {\n}\n}",
        &[
            "1:1 warning unknown-keyword: unknown keyword `vrrp_instanceVI_1`: its block is skipped \
           [did you mean `vrrp_instance VI_1`? A blank seems to be missing]",
        ],
    );
    for (line, expected) in [
        (
            "unicast src_ip 10.0.0.1",
            "2:1 warning unknown-keyword: unknown keyword `unicast`: it is ignored [did you mean `unicast_src_ip`?]",
        ),
        (
            "notify_backupr x",
            "2:1 warning unknown-keyword: unknown keyword `notify_backupr`: it is ignored [did you mean `notify_backup`?]",
        ),
        (
            "lvs_id x",
            "2:1 warning unknown-keyword: unknown keyword `lvs_id`: it is ignored",
        ),
        (
            "? priority 3",
            "2:1 warning unknown-keyword: unknown keyword `?`: it is ignored [a web page put `?` in the place of a blank: remove it]",
        ),
        (
            "init_fail",
            "2:1 warning misplaced: `init_fail` does not belong in `vrrp_instance`: it is ignored [it belongs in `vrrp_script`]",
        ),
        (
            "vrrp_garp_interval 1",
            "2:1 warning misplaced: `vrrp_garp_interval` does not belong in `vrrp_instance`: it is ignored [it belongs in `global_defs`]",
        ),
        (
            "instance x",
            "2:1 warning misplaced: `instance` does not belong in `vrrp_instance`: it is ignored [it belongs at the top level]",
        ),
    ] {
        check(&instance(line), &[expected]);
    }
}

#[test]
fn keywords_without_effect_are_said_once() {
    check(
        &instance(
            "linkbeat_use_polling\nlinkbeat_use_polling\nlinkbeat_use_polling\naccept\ndebug 0\ntrack_script {\n x y z\n}",
        ),
        &[
            "2:1 notice accepted: `linkbeat_use_polling` is accepted and has no effect: link states come from the kernel's notifications (also on 2 other lines)",
            "8:2 warning reference: there is no vrrp_script `x`: it is not tracked",
            "8:4 warning unknown-keyword: `y` is no option of what is tracked: it is ignored",
            "8:6 warning unknown-keyword: `z` is no option of what is tracked: it is ignored",
        ],
    );
    check(
        "global_defs {\nvrrp_gna_interval 0\nvrrp_garp_interval 0\n}",
        &[],
    );
}

#[test]
fn strict_mode_names_its_trap() {
    let strict = "global_defs {\n vrrp_strict\n}\n";
    let remarks_of = |lines: &str| remarks(&of(&format!("{strict}{}", instance(lines))));
    let trap = |remark: &String| remark.contains("answer nothing, not even ping");
    assert_eq!(
        remarks_of("priority 100")
            .iter()
            .filter(|it| trap(it))
            .count(),
        1
    );
    assert!(remarks_of("priority 100\naccept").iter().any(&trap));
    assert!(!remarks_of("version 3\naccept").iter().any(&trap));
    assert!(!remarks_of("priority 255").iter().any(&trap));
}

#[test]
fn a_check_by_a_session_that_is_not_there_is_said_with_what_follows() {
    let text = "virtual_server 10.0.0.1 80 {\nlb_algo rr\nlb_kind NAT\nprotocol TCP\n\
                real_server 10.0.0.2 80 {\nBFD_CHECK {\nname b\n}\n}\n}";
    let loaded = of(text);
    assert_eq!(
        remarks(&loaded),
        [
            "7:1 warning reference: there is no bfd_instance `b`: the server counts as up without this check"
        ]
    );
    assert_eq!(
        loaded.config.virtual_servers[0].real_servers[0].checkers,
        []
    );
    assert_eq!(loaded.exit_status(), 5);
}

#[test]
fn a_missing_parameter_is_refused_with_status_2() {
    for line in [
        "priority",
        "interface",
        "lb_kind",
        "virtual_router_id",
        "unicast_src_ip",
    ] {
        let text = if line == "lb_kind" {
            service(line)
        } else {
            instance(line)
        };
        let loaded = of(&text);
        let [remark] = remarks(&loaded).try_into().unwrap();
        assert!(
            remark.starts_with(&format!(
                "2:1 error missing-parameter: `{line}` is missing a parameter"
            )),
            "{remark}"
        );
        assert_eq!((loaded.is_fatal(), loaded.exit_status()), (true, 2));
    }
    assert_eq!(of("vrrp_script {\n}").exit_status(), 2);
    // keepalived goes on behind some.
    assert_eq!(of("vrrp_instance {\n}").exit_status(), 5);
}

#[test]
fn lines_with_too_much_or_too_little_around_them_are_said() {
    check(
        &instance("priority 100 200 300"),
        &["2:14 warning extra-words: nothing is expected here: the rest of the line is ignored"],
    );
    check(
        &instance("nopreempt on x"),
        &["2:14 warning extra-words: nothing is expected here: the rest of the line is ignored"],
    );
    check(
        &instance("priority 100 {\n x\n}"),
        &["2:14 warning block-expected: `priority` has no block: this one is skipped"],
    );
    check(
        "vrrp_instance A\nglobal_defs {\n}",
        &[
            "1:1 error block-expected: `vrrp_instance A` needs a block: `vrrp_instance A { … }`; it is left out",
        ],
    );
    check(
        &instance("priority 100\npriority 100\npriority 90"),
        &["4:1 warning repeated: the same setting stands here twice: the last one counts"],
    );
}

#[test]
fn ipv6_is_for_xdp_in_every_mode() {
    const MAPPED: &str = "it serves no address of IPv4 that is mapped into IPv6";
    for (address, kind, server, why) in [
        ("2001:db8::1", "DR", "2001:db8::2", None),
        ("2001:db8::1", "NAT", "2001:db8::2", None),
        ("2001:db8::1", "TUN", "2001:db8::2", None),
        ("2001:db8::1", "DR", "::ffff:10.0.0.2", Some(MAPPED)),
        ("::ffff:192.0.2.1", "DR", "2001:db8::2", Some(MAPPED)),
        (
            "fe80::1",
            "DR",
            "2001:db8::2",
            Some("it serves no link-local address"),
        ),
    ] {
        let loaded = of(&format!(
            "virtual_server {address} 80 {{\nprotocol TCP\nlb_algo rr\nlb_kind {kind}\n\
             real_server {server} 80 {{\n }}\n}}"
        ));
        let said = remarks(&loaded).into_iter().find(|it| it.contains("XDP"));
        let expected = why.map(|why| {
            format!(
                "1:1 notice surprising: XDP cannot serve this: {why}; the kernel's IPVS does {MEANT}"
            )
        });
        assert_eq!(said, expected, "{address} {kind} {server}");
    }
    let server = "{\nlb_algo rr\nlb_kind NAT\nreal_server 2001:db8::2 80 {\n }\n";
    for (text, why) in [
        (
            format!("virtual_server 2001:db8::1 80 {server}protocol SCTP\n}}"),
            Some("XDP cannot serve this: it translates no SCTP over IPv6"),
        ),
        (
            format!(
                "virtual_server_group G {{\n2001:db8::1-9 80\n2001:db8:1::1 443\n}}\n\
                 virtual_server group G {server}protocol TCP\n}}"
            ),
            None,
        ),
    ] {
        let loaded = of(&text);
        let said = remarks(&loaded).into_iter().find(|it| it.contains("XDP"));
        match why {
            Some(why) => assert!(said.unwrap_or_default().contains(why), "{text}"),
            None => assert_eq!(said, None, "{text}"),
        }
    }
}

#[test]
fn what_xdp_cannot_serve_is_said_and_with_a_mode_of_its_own_an_error() {
    for (header, server, why) in [
        ("fe80::1 80", "fd00::2", "it serves no link-local address"),
        (
            "fwmark 7",
            "10.0.0.2",
            "it sees a packet before a firewall marks it",
        ),
    ] {
        let of = |mode: &str| {
            // A mark has none.
            let protocol = if header.starts_with("fwmark") {
                ""
            } else {
                "protocol TCP"
            };
            let text = format!(
                "virtual_server {header} {{\n{protocol}\nlb_algo rr\nlb_kind DR\n\
                 persistence_timeout 50\n{mode}\nreal_server {server} {{\n }}\n}}"
            );
            let loaded = of(&text);
            assert_eq!(loaded.config.virtual_servers.len(), 1);
            let of_xdp = |it: &String| it.contains("XDP");
            let remark = remarks(&loaded).into_iter().find(of_xdp);
            (loaded.exit_status(), remark.unwrap_or_default())
        };
        let cannot = format!("not-supported: XDP cannot serve this: {why}");
        let notice = format!("1:1 notice surprising: XDP cannot serve this: {why}");
        let said = format!("{notice}; the kernel's IPVS does {MEANT}");
        assert_eq!(of(""), (0, said));
        let (status, remark) = of("xdp_mode native");
        assert!(
            remark.contains(&cannot) && remark.contains("nothing does"),
            "{remark}"
        );
        assert_eq!(status, 5);
        assert_eq!(of("xdp_mode off"), (0, String::new()));
    }
}

#[test]
fn all_ports_of_an_address_are_xdps_with_persistence_and_without_nat() {
    for port in ["", " 0"] {
        for (kind, persistence, why) in [
            ("DR", "persistence_timeout 50", ""),
            ("TUN", "persistence_timeout 50", ""),
            (
                "NAT",
                "persistence_timeout 50",
                "it does not serve all ports of an address in NAT mode",
            ),
            // It is given one.
            ("DR", "", ""),
        ] {
            let loaded = of(&format!(
                "virtual_server 10.0.0.1{port} {{\nprotocol TCP\nlb_algo rr\nlb_kind {kind}\n\
                 {persistence}\nreal_server 10.0.0.2{port} {{\n }}\n}}"
            ));
            let of_xdp = |it: &String| it.contains("XDP");
            let remark = remarks(&loaded).into_iter().find(of_xdp);
            let remark = remark.unwrap_or_default();
            assert_eq!(remark.is_empty(), why.is_empty(), "{remark}");
            assert!(remark.contains(why), "{remark}");
        }
    }
}

#[test]
fn a_service_for_a_group_is_read() {
    let text = "virtual_server group G {\nprotocol TCP\nlb_algo rr\nreal_server fd00::2 80 {\n}\n}\n\
                virtual_server_group G {\nfd00::1-3 80\n10.0.0.1-9 80\nfwmark 3 inet6\n}\n";
    let loaded = of(text);
    assert_eq!(
        remarks(&loaded),
        [
            "1:1 warning missing-setting: no `lb_kind`: NAT is used, as with keepalived".to_owned(),
            format!(
                "1:1 notice surprising: XDP cannot serve this: it sees a packet before a firewall \
                 marks it; the kernel's IPVS does {MEANT}"
            ),
        ]
    );
    assert_eq!(loaded.config.virtual_servers[0].key.to_string(), "[G]:tcp");
    assert_eq!(loaded.config.virtual_server_groups[0].entries.len(), 3);
}
