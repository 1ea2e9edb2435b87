//! The nftables table that marks what groups serve (`nftables_ipvs`), kept as the director wants it.

use netlink_sys::protocols::NETLINK_NETFILTER;

use crate::config::model::NftablesIpvs;
use crate::net::netlink::{Connection, NetlinkError};
use crate::net::nft::marks::{self, Mark};

/// What nftables marks for us.
#[derive(Default)]
pub(super) struct Marks {
    connection: Option<Connection>,
    /// The table that is ours, or that an earlier agent has left.
    table: Option<String>,
    /// What it holds, if we have told it.
    set: Option<(NftablesIpvs, Vec<Mark>)>,
}

impl Marks {
    /// An earlier agent has left this table.
    pub(super) fn inherit(&mut self, table: Option<String>) {
        self.table = table;
    }

    /// The table that is ours.
    pub(super) fn table(&self) -> Option<&str> {
        self.table.as_deref()
    }

    /// Has nftables mark what is `wanted`, and nothing else.
    pub(super) fn update(
        &mut self,
        wanted: Option<(NftablesIpvs, Vec<Mark>)>,
    ) -> Result<(), NetlinkError> {
        let nothing_left = wanted.is_some() || self.table.is_none();
        if self.set == wanted && nothing_left {
            return Ok(());
        }
        let outcome = self.replace(wanted.as_ref());
        match &outcome {
            Ok(()) => self.set = wanted,
            // It may be the socket.
            Err(_) => self.connection = None,
        }
        outcome
    }

    /// Whether what we have told nftables is still there; what is gone, the next [`Self::update`] makes
    /// anew. Where that cannot be found out, nothing is known to be gone.
    pub(super) fn look(&mut self) -> bool {
        let Some((nftables, marks)) = self.set.clone() else {
            return true;
        };
        let there = self
            .connection()
            .and_then(|connection| marks::are_set(connection, &nftables.table, &marks));
        match there {
            Ok(true) => {}
            Ok(false) => self.set = None,
            // It may be the socket.
            Err(_) => self.connection = None,
        }
        !matches!(there, Ok(false))
    }

    fn replace(&mut self, wanted: Option<&(NftablesIpvs, Vec<Mark>)>) -> Result<(), NetlinkError> {
        let next = wanted.map(|(nftables, _)| nftables.table.clone());
        if let Some(before) = self.table.take_if(|before| next.as_ref() != Some(before)) {
            let cleared = self
                .connection()
                .and_then(|connection| marks::clear(connection, &before));
            if cleared.is_err() {
                self.table = Some(before);
            }
            cleared?;
        }
        if let Some((nftables, marks)) = wanted {
            self.table = next;
            let (table, priority) = (&nftables.table, nftables.priority);
            marks::set(self.connection()?, table, priority, marks)?;
        }
        Ok(())
    }

    fn connection(&mut self) -> Result<&mut Connection, NetlinkError> {
        let connection = match self.connection.take() {
            Some(connection) => connection,
            None => Connection::with_protocol(NETLINK_NETFILTER)?,
        };
        Ok(self.connection.insert(connection))
    }
}
