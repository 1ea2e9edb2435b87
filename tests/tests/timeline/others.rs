//! `PING_CHECK`, `SSL_GET`, `BFD_CHECK`, and `ha_suspend`, over reloads too.

use std::time::Duration;

use super::servers::{Manner, Talk};
use super::{Address, Behaves, Echo, Injection, Reload, Secure, Series, Speaks, Stage};

/// What is asked of a host, over TLS, and of a BFD session; virtual servers that wait for their address.
pub(crate) const OTHERS: Series = Series {
    name: "keepalived-2.2.7-others.txt",
    keepalived: include_str!("keepalived-2.2.7-others.txt"),
    // A BFD session begins within some seconds.
    quiet: Duration::from_secs(6),
    servers: &[
        (11, 88, Talk::Web, Manner::Good),
        (12, 88, Talk::Web, Manner::Good),
    ],
    configuration: Stage::others,
    before: &[Secure(Manner::Good), Address(true)],
    steps: STEPS,
};

const STEPS: &[(&str, &[Injection])] = &[
    ("no echo comes back", &[Echo(false)]),
    ("echoes come back", &[Echo(true)]),
    ("TLS is refused", &[Secure(Manner::Closed)]),
    ("TLS is there", &[Secure(Manner::Good)]),
    ("TLS hangs", &[Secure(Manner::Hang)]),
    ("TLS goes on", &[Secure(Manner::Good)]),
    ("the BFD neighbour is silent", &[Speaks(false)]),
    ("reload while its server is down", &[Reload(0)]),
    ("it speaks", &[Speaks(true)]),
    ("reload while its server is up", &[Reload(0)]),
    (
        "a server fails, and the address is here",
        &[Behaves(88, 11, Manner::Closed)],
    ),
    ("the address goes", &[Address(false)]),
    (
        "what happens now is not noticed",
        &[Behaves(88, 12, Manner::Closed)],
    ),
    ("reload without the address", &[Reload(0)]),
    ("the address comes", &[Address(true)]),
    (
        "both recover",
        &[Behaves(88, 11, Manner::Good), Behaves(88, 12, Manner::Good)],
    ),
];

impl Stage {
    /// There is one only.
    pub(super) fn others(&self, _number: u8) -> String {
        let tell = self.shown("tell");
        let service = |address: &str, port: u16, settings: &str, servers: &[(u8, &str)]| {
            let servers = servers.iter().map(|(host, lines)| {
                format!(
                    " real_server 10.9.0.{host} {port} {{\n  weight 5\n  notify_up \"{tell} RS \
                     [10.9.0.{host}]:tcp:{port} [{address}]:tcp:{port} UP\"\n  notify_down \
                     \"{tell} RS [10.9.0.{host}]:tcp:{port} [{address}]:tcp:{port} DOWN\"\n\
                     {lines} }}\n"
                )
            });
            format!(
                "virtual_server {address} {port} {{\n delay_loop 0.5\n warmup 0.2\n \
                 delay_before_retry 0.2\n connect_timeout 1\n lb_algo wrr\n lb_kind DR\n \
                 protocol TCP\n quorum_up \"{tell} VS [{address}]:tcp:{port} UP\"\n \
                 quorum_down \"{tell} VS [{address}]:tcp:{port} DOWN\"\n{settings}{}}}\n",
                servers.collect::<String>()
            )
        };
        let ping = "  PING_CHECK {\n  }\n";
        let secure = "  SSL_GET {\n   url {\n    path /\n   }\n  }\n";
        let bfd = "  BFD_CHECK {\n   name S1\n  }\n";
        let tcp = "  TCP_CHECK {\n  }\n";
        format!(
            "global_defs {{\n script_user root\n lvs_notify_fifo {}\n}}\nbfd_instance S1 {{\n \
             neighbor_ip 192.0.2.14\n source_ip 192.0.2.1\n min_rx 100\n min_tx 100\n \
             multiplier 10\n}}\n{}{}",
            self.shown("fifo"),
            service(
                "192.0.2.1",
                87,
                " retry 1\n",
                &[(11, ping), (12, secure), (13, bfd)]
            ),
            service(
                "192.0.2.2",
                88,
                " retry 1\n ha_suspend\n",
                &[(11, tcp), (12, tcp)]
            ),
        )
    }
}
