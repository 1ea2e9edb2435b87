//! The other kinds of checks, servers that hang, servers that are bad at the start, and reloads.

use std::time::Duration;

use super::servers::{Manner, Talk};
use super::{Behaves, Injection, Reload, Series, Stage, Value};

/// `FILE_CHECK`, `DNS_CHECK`, `UDP_CHECK`, `SMTP_CHECK`; `HTTP_GET` of a server that hangs; the first
/// check, with and without `alpha`; reloads.
pub(crate) const KINDS: Series = Series {
    name: "keepalived-2.2.7-kinds.txt",
    keepalived: include_str!("keepalived-2.2.7-kinds.txt"),
    // Twice `connect_timeout` and a loop are 2.7 s; the rest is for a loaded machine.
    quiet: Duration::from_secs(4),
    servers: &[
        (11, 84, Talk::Web, Manner::Closed),
        (12, 84, Talk::Web, Manner::Good),
        (13, 84, Talk::Mail, Manner::Good),
        (11, 85, Talk::Dns, Manner::Good),
        (12, 85, Talk::Dns, Manner::Good),
        (11, 86, Talk::Web, Manner::Closed),
        (12, 86, Talk::Web, Manner::Good),
    ],
    configuration: Stage::kinds,
    before: &[],
    steps: STEPS,
};

/// What happens at once concerns servers that have nothing to do with each other: of a virtual server's
/// quorum, one that nothing happens to is there.
const STEPS: &[(&str, &[Injection])] = &[
    (
        "what was bad at the start recovers; DNS fails; the file says more; with alpha the first success",
        &[
            Behaves(84, 11, Manner::Good),
            Behaves(85, 11, Manner::Error),
            Value(3),
            Behaves(86, 11, Manner::Good),
        ],
    ),
    (
        "HTTP hangs; DNS recovers; the file says less",
        &[
            Behaves(84, 12, Manner::Hang),
            Behaves(85, 11, Manner::Good),
            Value(-2),
        ],
    ),
    (
        "HTTP hangs no more; DNS hangs; the file takes all weight",
        &[
            Behaves(84, 12, Manner::Good),
            Behaves(85, 11, Manner::Hang),
            Value(-254),
        ],
    ),
    (
        "SMTP fails; DNS hangs no more; the file says down",
        &[
            Behaves(84, 13, Manner::Error),
            Behaves(85, 11, Manner::Good),
            Value(i32::MIN),
        ],
    ),
    (
        "SMTP recovers; UDP refuses; the file says nothing",
        &[
            Behaves(84, 13, Manner::Good),
            Behaves(85, 12, Manner::Closed),
            Value(0),
        ],
    ),
    (
        "SMTP hangs; UDP listens",
        &[Behaves(84, 13, Manner::Hang), Behaves(85, 12, Manner::Good)],
    ),
    (
        "SMTP hangs no more; UDP hangs",
        &[Behaves(84, 13, Manner::Good), Behaves(85, 12, Manner::Hang)],
    ),
    (
        "SMTP refuses; UDP hangs no more",
        &[
            Behaves(84, 13, Manner::Closed),
            Behaves(85, 12, Manner::Good),
        ],
    ),
    ("SMTP listens", &[Behaves(84, 13, Manner::Good)]),
    ("one fails", &[Behaves(84, 12, Manner::Closed)]),
    ("reload: the same file", &[Reload(0)]),
    ("reload: one server less, one more", &[Reload(1)]),
    (
        "the one that failed recovers",
        &[Behaves(84, 12, Manner::Good)],
    ),
    ("reload: as before", &[Reload(0)]),
];

impl Stage {
    /// Without 10.9.0.13:84 and with 10.9.0.13:86 instead, where nobody listens, if `number` is 1.
    pub(super) fn kinds(&self, number: u8) -> String {
        let tell = self.shown("tell");
        let service = |port: u16, settings: &str, servers: &[(u8, &str)]| {
            let servers = servers.iter().map(|(host, lines)| {
                format!(
                    " real_server 10.9.0.{host} {port} {{\n  weight 5\n  notify_up \"{tell} RS \
                     [10.9.0.{host}]:tcp:{port} [192.0.2.1]:tcp:{port} UP\"\n  notify_down \
                     \"{tell} RS [10.9.0.{host}]:tcp:{port} [192.0.2.1]:tcp:{port} DOWN\"\n\
                     {lines} }}\n"
                )
            });
            format!(
                "virtual_server 192.0.2.1 {port} {{\n delay_loop 0.5\n warmup 0.2\n \
                 delay_before_retry 0.2\n connect_timeout 1\n lb_algo wrr\n lb_kind DR\n \
                 protocol TCP\n quorum_up \"{tell} VS [192.0.2.1]:tcp:{port} UP\"\n \
                 quorum_down \"{tell} VS [192.0.2.1]:tcp:{port} DOWN\"\n{settings}{}}}\n",
                servers.collect::<String>()
            )
        };
        let tcp = "  TCP_CHECK {\n  }\n";
        let page = "  HTTP_GET {\n   url {\n    path /\n   }\n  }\n";
        let smtp = "  SMTP_CHECK {\n   helo_name check.example.org\n  }\n";
        let dns = "  DNS_CHECK {\n   type A\n   name www.example.org\n  }\n";
        let udp = "  UDP_CHECK {\n   payload 00 01 02 03 04\n   require_reply 00 01\n  }\n";
        let file = "  FILE_CHECK {\n   track_file value\n   weight 1\n  }\n";
        let mut web = vec![(11, page), (12, page)];
        let mut late = vec![(11, tcp), (12, tcp)];
        if number == 1 {
            late.push((13, tcp));
        } else {
            web.push((13, smtp));
        }
        format!(
            "global_defs {{\n script_user root\n lvs_notify_fifo {}\n}}\ntrack_file value {{\n \
             file {}\n}}\n{}{}{}",
            self.shown("fifo"),
            self.shown("value"),
            service(84, " retry 1\n", &web),
            service(85, " retry 1\n", &[(11, dns), (12, udp), (13, file)]),
            service(86, " retry 3\n alpha\n", &late),
        )
    }
}
