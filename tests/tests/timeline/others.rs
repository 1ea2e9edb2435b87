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
    before: &[Secure(Manner::Good), Address(true), Speaks(false)],
    steps: STEPS,
};

/// What happens at once concerns servers that have nothing to do with each other: of a virtual server's
/// quorum, one that nothing happens to is there.
const STEPS: &[(&str, &[Injection])] = &[
    (
        "no echo comes back; the BFD neighbour speaks; a server fails, whose virtual address is here",
        &[Echo(false), Speaks(true), Behaves(88, 11, Manner::Closed)],
    ),
    (
        "echoes come back; TLS is refused; the address goes",
        &[Echo(true), Secure(Manner::Closed), Address(false)],
    ),
    (
        "TLS is there; the BFD neighbour is silent again; a server fails, which is not noticed",
        &[
            Secure(Manner::Good),
            Speaks(false),
            Behaves(88, 12, Manner::Closed),
        ],
    ),
    (
        "reload without the address, while a server is down by BFD",
        &[Reload(0)],
    ),
    ("the address comes", &[Address(true)]),
    (
        "the BFD neighbour speaks once more; TLS hangs",
        &[Speaks(true), Secure(Manner::Hang)],
    ),
    (
        "TLS goes on; both recover",
        &[
            Secure(Manner::Good),
            Behaves(88, 11, Manner::Good),
            Behaves(88, 12, Manner::Good),
        ],
    ),
    ("reload while all is well", &[Reload(0)]),
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
