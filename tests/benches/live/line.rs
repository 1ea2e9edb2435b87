//! Three machines in a row, each a namespace.

use anyhow::{Context as _, Result};
use lb_tests::Namespace;
use nix::net::if_::if_nametoindex;
use serde_json::Value;

/// The MAC of `d0`.
pub(crate) const DIRECTOR: [u8; 6] = [2, 0, 0, 0, 0, 0xd0];
/// The MAC of `d1`.
pub(crate) const OUTSIDE: [u8; 6] = [2, 0, 0, 0, 0, 0xd1];
/// The MAC that the server's address has on the cable. Nobody has it, so that the kernel of the server
/// throws away what comes before it has looked at it.
pub(crate) const NOBODY: [u8; 6] = [2, 0, 0, 0, 0, 0x99];

/// Client, director, server.
pub(crate) struct Line {
    pub(crate) client: Namespace,
    pub(crate) director: Namespace,
    pub(crate) server: Namespace,
}

impl Line {
    /// Connected, with addresses and neighbours, and a queue for each of two processors.
    pub(crate) fn new() -> Result<Self> {
        let line = Self {
            client: Namespace::new("client")?,
            director: Namespace::new("director")?,
            server: Namespace::new("server")?,
        };
        let (director, server) = (line.director.name(), line.server.name());
        let queues = "numtxqueues 2 numrxqueues 2";
        line.client.ip(&format!(
            "link add c0 address 02:00:00:00:00:c0 {queues} type veth peer name d0 netns {director} \
             address 02:00:00:00:00:d0 {queues}"
        ))?;
        line.director.ip(&format!(
            "link add d1 address 02:00:00:00:00:d1 {queues} type veth peer name s1 netns {server} \
             address 02:00:00:00:00:51 {queues}"
        ))?;
        line.client.ip("link set c0 up")?;
        line.server.ip("link set s1 up")?;
        for command in [
            "link set lo up",
            "link set d0 up",
            "link set d1 up",
            "address add 192.0.2.2/24 dev d0",
            "address add 198.51.100.1/24 dev d1",
            "neighbour add 192.0.2.1 lladdr 02:00:00:00:00:c0 dev d0 nud permanent",
            "neighbour add 198.51.100.10 lladdr 02:00:00:00:00:99 dev d1 nud permanent",
            "route add 10.64.0.0/16 via 192.0.2.1",
        ] {
            line.director.ip(command)?;
        }
        for (name, value) in [
            ("ipv4.ip_forward", "1"),
            ("ipv4.conf.all.rp_filter", "0"),
            ("ipv4.conf.d0.rp_filter", "0"),
        ] {
            line.director.sysctl(name, value)?;
        }
        Ok(line)
    }

    /// Index of an interface of the director.
    pub(crate) fn index(&self, interface: &str) -> Result<u32> {
        self.director.enter(|| Ok(if_nametoindex(interface)?))
    }

    /// Has the kernel take frames from the cable although the interface has no program.
    pub(crate) fn receive_without_a_program(&self) -> Result<()> {
        for interface in ["d0", "d1"] {
            let mut ethtool = std::process::Command::new("ethtool");
            self.director
                .run(ethtool.args(["-K", interface, "gro", "on"]))?;
        }
        Ok(())
    }
}

/// Packets that have come in by an interface.
pub(crate) fn received(machine: &Namespace, interface: &str) -> Result<u64> {
    let shown = machine.ip(&format!("-j -s link show dev {interface}"))?;
    let shown: Value = serde_json::from_str(&shown)?;
    let count = shown.pointer("/0/stats64/rx/packets");
    count
        .and_then(Value::as_u64)
        .with_context(|| format!("ip says nothing of {interface}: {shown}"))
}
