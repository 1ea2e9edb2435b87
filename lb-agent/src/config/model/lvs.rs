//! What `global_defs` says of IPVS.

use std::time::Duration;

use serde::Serialize;

/// The IPVS settings of `global_defs`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct LvsDefaults {
    /// `lvs_sync_daemon`, also as `lvs_sync_daemon_interface` of an instance.
    pub lvs_sync_daemon: Option<LvsSyncDaemon>,
    /// `lvs_timeouts`.
    pub lvs_timeouts: LvsTimeouts,
    /// `lvs_flush`: whatever stands in the table at start is removed.
    pub lvs_flush: bool,
    /// `lvs_flush_on_stop`.
    pub lvs_flush_on_stop: LvsFlushOnStop,
    /// `nftables_ipvs` and what belongs to it; `None`: off.
    pub nftables_ipvs: Option<NftablesIpvs>,
}

/// `lvs_sync_daemon INTERFACE [[inst] VI] [id N] [maxlen N] [port N] [ttl N] [group ADDRESS]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LvsSyncDaemon {
    /// The interface that connections are told over.
    pub interface: String,
    /// The instance that decides who tells and who listens.
    pub instance: Option<String>,
    /// `id`, 0 to 255; default: the instance's VRID.
    pub id: Option<u8>,
    /// `maxlen`, bytes, 1 to 65507.
    pub maxlen: Option<u16>,
    /// `port`, default 8848.
    pub port: Option<u16>,
    /// `ttl`, default 1.
    pub ttl: Option<u8>,
    /// `group`, default 224.0.0.81.
    pub group: Option<std::net::IpAddr>,
}

/// `lvs_timeouts [tcp N] [tcpfin N] [udp N]`; `None`: the kernel's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct LvsTimeouts {
    /// `tcp`: an idle connection.
    pub tcp: Option<Duration>,
    /// `tcpfin`: one that has seen a FIN.
    pub tcpfin: Option<Duration>,
    /// `udp`.
    pub udp: Option<Duration>,
}

/// `lvs_flush_on_stop [VS]`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub enum LvsFlushOnStop {
    /// Servers are removed one after another.
    #[default]
    No,
    /// The whole table at once.
    All,
    /// Our virtual servers only.
    VirtualServers,
}

/// `nftables_ipvs [TABLE]` and the two that belong to it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NftablesIpvs {
    /// The table's name.
    pub table: String,
    /// `nftables_ipvs_priority`.
    pub priority: i32,
    /// `nftables_ipvs_start_fwmark`: the first mark that may be used.
    pub start_fwmark: u32,
}

impl Default for NftablesIpvs {
    fn default() -> Self {
        Self {
            table: "keepalived_ipvs".to_owned(),
            priority: 0,
            start_fwmark: 1000,
        }
    }
}

impl LvsSyncDaemon {
    /// One on this interface, with the kernel's defaults.
    pub const fn new(interface: String) -> Self {
        Self {
            interface,
            instance: None,
            id: None,
            maxlen: None,
            port: None,
            ttl: None,
            group: None,
        }
    }
}
