//! A machine that hears no adverts.

use std::process::Command;

use anyhow::Result;

use crate::namespace::Namespace;

/// A machine that drops what arrives of VRRP; dropped, it hears again.
#[derive(Debug)]
pub struct Deaf<'a>(&'a Namespace);

impl<'a> Deaf<'a> {
    /// Drops it with nftables.
    pub fn new(machine: &'a Namespace) -> Result<Self> {
        let rules = "table inet deaf { chain in { type filter hook input priority 0; \
                     meta l4proto { 112, 51 } drop; }; }";
        machine.run(Command::new("nft").arg(rules))?;
        Ok(Self(machine))
    }
}

impl Drop for Deaf<'_> {
    fn drop(&mut self) {
        // It goes with the namespace, whatever happens.
        drop(
            self.0
                .run(Command::new("nft").args(["delete", "table", "inet", "deaf"])),
        );
    }
}
