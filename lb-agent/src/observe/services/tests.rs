//! The golden tables are what ipvsadm 1.31 printed about Linux 6.1's IPVS after it had carried
//! a few requests; only the first line is ours.

use super::*;
use crate::observe::model::{Endpoint, Method, PersistenceView, Protocol};

const VERSION: &str = "lb-agent 0.1.0 (size=4096)\n";

fn agent() -> AgentView {
    AgentView {
        version: "0.1.0".into(),
        flow_table_size: 4096,
        flow_table_size6: 0,
        silent: None,
    }
}

fn counters(figures: [u64; 5]) -> Counters {
    let [conns, in_packets, out_packets, in_bytes, out_bytes] = figures;
    Counters {
        conns,
        in_packets,
        out_packets,
        in_bytes,
        out_bytes,
    }
}

fn endpoint(address: &str, port: u16) -> Endpoint {
    Endpoint {
        address: address.parse().unwrap(),
        port,
    }
}

fn server(address: &str, port: u16, method: Method, weight: u32, inactive: u64) -> ServerView {
    ServerView {
        endpoint: endpoint(address, port),
        method,
        weight,
        sorry: false,
        active_connections: 0,
        inactive_connections: inactive,
        counters: Counters::default(),
        rates: None,
    }
}

fn service(
    address: &str,
    port: u16,
    scheduler: &'static str,
    servers: Vec<ServerView>,
) -> ServiceView {
    ServiceView {
        protocol: Protocol::Tcp,
        endpoint: endpoint(address, port),
        fwmark: None,
        group: None,
        addresses: Vec::new(),
        plane: crate::dataplane::choice::Carrier::Xdp,
        scheduler: scheduler.into(),
        scheduler_flags: Vec::new(),
        ops: false,
        persistence_engine: None,
        persistence: None,
        instance: None,
        armed: true,
        counters: Counters::default(),
        rates: None,
        servers,
    }
}

fn persistence(timeout_seconds: u32, granularity: Granularity) -> PersistenceView {
    PersistenceView {
        timeout_seconds,
        granularity,
    }
}

fn services() -> Vec<ServiceView> {
    let host = Granularity::Mask([255; 4].into());
    let network = Granularity::Mask([255, 255, 255, 0].into());
    let mut dr = service(
        "10.0.0.100",
        80,
        "wrr",
        vec![
            server("10.0.0.11", 80, Method::Route, 1, 0),
            server("10.0.0.12", 80, Method::Route, 2, 3),
        ],
    );
    dr.persistence = Some(persistence(50, host));
    dr.counters = counters([3, 19, 0, 1243, 0]);
    dr.servers[1].counters = dr.counters;
    dr.rates = Some(counters([0, 2, 0, 155, 0]));
    dr.servers[1].rates = dr.rates;
    let tun = service(
        "10.0.0.101",
        80,
        "rr",
        vec![
            server("10.0.0.11", 80, Method::Tunnel, 1, 3),
            server("10.0.0.12", 80, Method::Tunnel, 0, 0),
        ],
    );
    let mut nat = service(
        "10.9.0.102",
        80,
        "wlc",
        vec![server("10.0.0.11", 80, Method::Masq, 100_000, 3)],
    );
    nat.persistence = Some(persistence(600, network));
    nat.counters = counters([3, 19, 17, 1243, 1517]);
    nat.servers[0].counters = nat.counters;
    let mut six = service(
        "2001:db8::200",
        80,
        "wlc",
        vec![server("2001:db8::11", 80, Method::Route, 1, 0)],
    );
    six.persistence = Some(persistence(300, Granularity::Prefix(64)));
    let long = service(
        "2001:db8:1111:2222:3333:4444:5555:6666",
        8080,
        "wlc",
        vec![server(
            "2001:db8:1111:2222:3333:4444:5555:7777",
            8080,
            Method::Masq,
            1,
            0,
        )],
    );
    vec![dr, tun, nat, six, long]
}

#[track_caller]
fn check(columns: Columns, golden: &str) {
    let mut out = Vec::new();
    write(&mut out, &agent(), &services(), columns).unwrap();
    // `$` marks the ends of lines, so that no editor takes the blanks before them.
    let golden = golden.replace("$\n", "\n");
    assert_eq!(
        String::from_utf8(out).unwrap(),
        format!("{VERSION}{golden}")
    );
}

#[test]
fn the_list_is_that_of_ipvsadm() {
    check(
        Columns::Connections,
        "\
Prot LocalAddress:Port Scheduler Flags$
  -> RemoteAddress:Port           Forward Weight ActiveConn InActConn$
TCP  10.0.0.100:80 wrr persistent 50$
  -> 10.0.0.11:80                 Route   1      0          0         $
  -> 10.0.0.12:80                 Route   2      0          3         $
TCP  10.0.0.101:80 rr$
  -> 10.0.0.11:80                 Tunnel  1      0          3         $
  -> 10.0.0.12:80                 Tunnel  0      0          0         $
TCP  10.9.0.102:80 wlc persistent 600 mask 255.255.255.0$
  -> 10.0.0.11:80                 Masq    100000 0          3         $
TCP  [2001:db8::200]:80 wlc persistent 300 mask 64$
  -> [2001:db8::11]:80            Route   1      0          0         $
TCP  [2001:db8:1111:2222:3333:4444:5555:6666]:8080 wlc$
  -> [2001:db8:1111:2222:3333:4444:5555:7777]:8080 Masq    1      0          0         $
",
    );
}

#[test]
fn the_totals_are_those_of_ipvsadm() {
    check(
        Columns::Stats,
        "\
Prot LocalAddress:Port               Conns   InPkts  OutPkts  InBytes OutBytes$
  -> RemoteAddress:Port$
TCP  10.0.0.100:80                       3       19        0     1243        0$
  -> 10.0.0.11:80                        0        0        0        0        0$
  -> 10.0.0.12:80                        3       19        0     1243        0$
TCP  10.0.0.101:80                       0        0        0        0        0$
  -> 10.0.0.11:80                        0        0        0        0        0$
  -> 10.0.0.12:80                        0        0        0        0        0$
TCP  10.9.0.102:80                       3       19       17     1243     1517$
  -> 10.0.0.11:80                        3       19       17     1243     1517$
TCP  [2001:db8::200]:80                  0        0        0        0        0$
  -> [2001:db8::11]:80                   0        0        0        0        0$
TCP  [2001:db8:1111:2222:3333:4444:5555:6666]:8080        0        0        0        0        0$
  -> [2001:db8:1111:2222:3333:4444:5555:7777]:8080        0        0        0        0        0$
",
    );
}

#[test]
fn the_rates_are_those_of_ipvsadm() {
    check(
        Columns::Rate,
        "\
Prot LocalAddress:Port                 CPS    InPPS   OutPPS    InBPS   OutBPS$
  -> RemoteAddress:Port$
TCP  10.0.0.100:80                       0        2        0      155        0$
  -> 10.0.0.11:80                        0        0        0        0        0$
  -> 10.0.0.12:80                        0        2        0      155        0$
TCP  10.0.0.101:80                       0        0        0        0        0$
  -> 10.0.0.11:80                        0        0        0        0        0$
  -> 10.0.0.12:80                        0        0        0        0        0$
TCP  10.9.0.102:80                       0        0        0        0        0$
  -> 10.0.0.11:80                        0        0        0        0        0$
TCP  [2001:db8::200]:80                  0        0        0        0        0$
  -> [2001:db8::11]:80                   0        0        0        0        0$
TCP  [2001:db8:1111:2222:3333:4444:5555:6666]:8080        0        0        0        0        0$
  -> [2001:db8:1111:2222:3333:4444:5555:7777]:8080        0        0        0        0        0$
",
    );
}

#[test]
fn large_figures_are_cut_to_nine_characters_as_ipvsadm_does() {
    for (value, text) in [
        (0, "        0"),
        (99_999_999, " 99999999"),
        (100_000_000, "  100000K"),
        (999_999_999, "  999999K"),
        (1_000_000_000, "    1000M"),
        (99_999_999_999, "   99999M"),
        (100_000_000_000, "     100G"),
        (99_999_999_999_999, "   99999G"),
        (100_000_000_000_000, "     100T"),
        (u64::MAX, "18446744T"),
    ] {
        assert_eq!(figure(value), text);
    }
}

#[test]
fn a_server_on_this_host_is_local() {
    let local = service(
        "192.0.2.1",
        80,
        "rr",
        vec![server("127.0.0.1", 80, Method::Local, 1, 0)],
    );
    let mut out = Vec::new();
    write(&mut out, &agent(), &[local], Columns::Connections).unwrap();
    let text = String::from_utf8(out).unwrap();
    assert!(
        text.ends_with("  -> 127.0.0.1:80                 Local   1      0          0         \n")
    );
}

#[test]
fn a_group_stands_there_with_its_lines_as_they_are_written() {
    let lines = [
        ("192.0.2.1", "192.0.2.9", (80, 80), Some("A"), true),
        ("192.0.2.254", "192.0.3.1", (443, 443), None, true),
        ("192.0.2.1", "192.0.2.1", (8000, 8010), Some("B"), false),
    ];
    let view =
        |(first, last, ports, instance, armed): (&str, &str, (u16, u16), Option<&str>, _)| {
            AddressesView {
                first: first.parse().unwrap(),
                last: last.parse().unwrap(),
                first_port: ports.0,
                last_port: ports.1,
                instance: instance.map(str::to_owned),
                armed,
            }
        };
    let group = ServiceView {
        group: Some("web".to_owned()),
        addresses: lines.into_iter().map(view).collect(),
        ..service(
            "192.0.2.1",
            80,
            "rr",
            vec![server("10.0.0.11", 80, Method::Route, 1, 0)],
        )
    };
    let six = ServiceView {
        group: Some("six".to_owned()),
        addresses: vec![view(("2001:db8::1", "2001:db8::ff", (0, 0), None, true))],
        ..service("2001:db8::1", 0, "rr", Vec::new())
    };
    let mut out = Vec::new();
    write(&mut out, &agent(), &[group, six], Columns::Connections).unwrap();
    let text = String::from_utf8(out).unwrap();
    let found: Vec<&str> = text.lines().skip(3).collect();
    assert_eq!(
        found,
        [
            "TCP  group web rr",
            "     192.0.2.1-9 80",
            "     192.0.2.254-192.0.3.1 443",
            "     192.0.2.1 8000-8010 (not here: B is not MASTER)",
            "  -> 10.0.0.11:80                 Route   1      0          0         ",
            "TCP  group six rr",
            "     2001:db8::1-ff 0",
        ]
    );
}
