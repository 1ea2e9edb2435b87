//! One Ethernet segment: a bridge in a namespace of its own.

use std::process::Command;

use anyhow::{Context, Result};

use crate::built;
use crate::namespace::Namespace;

/// A switch; machines are plugged in by veth pairs. Its ports are named after the machines'
/// labels.
#[derive(Debug)]
pub struct Switch {
    namespace: Namespace,
}

impl Switch {
    /// A switch without machines.
    pub fn new(label: &str) -> Result<Self> {
        let namespace = Namespace::new(label)?;
        // Without a querier, snooping would cut VRRP's multicast off after a while.
        namespace.ip("link add name switch type bridge stp_state 0 mcast_snooping 0")?;
        namespace.ip("link set dev switch up")?;
        Ok(Self { namespace })
    }

    /// The namespace with the ports: the place for captures, since a frame that leaves a machine's
    /// XDP program is seen by no one on that machine.
    pub fn namespace(&self) -> &Namespace {
        &self.namespace
    }

    /// Gives `machine` the interface `interface`, plugged into this switch, with `address`
    /// (`192.0.2.1/24`).
    pub fn plug(&self, machine: &Namespace, interface: &str, address: &str) -> Result<()> {
        let (port, switch) = (machine.label(), self.namespace.name());
        machine.ip(&format!(
            "link add name {interface} type veth peer name {port} netns {switch}"
        ))?;
        // A veth hands over packets whose checksum is yet to be filled in by a card that never
        // comes; a rewritten packet would then carry nonsense.
        machine.run(Command::new("ethtool").args(["-K", interface, "tx", "off"]))?;
        machine.ip(&format!("address add {address} dev {interface}"))?;
        machine.ip(&format!("link set dev {interface} up"))?;
        self.namespace
            .ip(&format!("link set dev {port} master switch up"))?;
        // What the machine's program sends back reaches only a port that has a program, too.
        load(&self.namespace, port, "pass")
    }

    /// Unplugs `machine`: its interface loses the carrier.
    pub fn unplug(&self, machine: &Namespace) -> Result<()> {
        self.namespace
            .ip(&format!("link set dev {} down", machine.label()))?;
        Ok(())
    }

    /// Plugs `machine` in again.
    pub fn replug(&self, machine: &Namespace) -> Result<()> {
        self.namespace
            .ip(&format!("link set dev {} up", machine.label()))?;
        Ok(())
    }
}

/// Attaches the program `object` of lb-ebpf to an interface.
pub fn load(machine: &Namespace, interface: &str, object: &str) -> Result<()> {
    let file = built::bpf_object(object)?;
    let file = file
        .to_str()
        .context("the target directory's name is not UTF-8")?;
    machine
        .run(
            Command::new("ip")
                .args(["link", "set", "dev", interface, "xdp", "obj", file])
                .args(["sec", "xdp"]),
        )
        .with_context(|| format!("cannot attach {object} to {interface}"))?;
    Ok(())
}
