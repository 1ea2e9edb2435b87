//! The resolved configuration: typed, defaulted, inherited; no spans, no text of the file.
//!
//! Every field is named as its keyword in keepalived.conf, so that a search for the keyword
//! leads from the manual to the code; where keywords share a prefix with their block the block is
//! a value of its own. Units are in the types. What a keyword does stands where it takes effect,
//! not here; whether it has an effect yet stands in the keyword table.

mod address;
mod authentication;
mod bfd;
mod checker;
mod commands;
mod encap;
mod garp;
mod global;
mod group;
mod instance;
mod lvs;
mod mail;
mod notify;
mod process;
mod real_server;
mod route;
mod rule;
mod scheduler;
mod script;
mod served;
mod track;
mod virtual_server;
mod vmac;

use serde::Serialize;

pub use address::{AddressFlags, Broadcast, StaticAddress, VirtualAddress};
pub use authentication::{
    AuthHmac, Authentication, HMAC_KEY_LEN, HmacKey, HmacMode, HmacReplay, Secret,
};
pub use bfd::BfdInstance;
pub use checker::{
    BfdCheck, Checker, CheckerKind, DnsCheck, DnsType, FileCheck, FileCheckWeight, HttpGet,
    HttpProtocol, MiscCheck, ReplyPattern, SmtpCheck, SslGet, UdpCheck, Url, UrlBody,
};
pub use commands::Use;
pub use encap::{Encap, TunnelKey};
pub use garp::{ExtraIf, Garp, GarpGroup};
pub use global::{FlowTableSize, GlobalDefs, RxBufs, VrrpDefaults, XdpAttach, XdpMode};
pub use group::{TrackGroup, VirtualServerGroup, VirtualServerGroupEntry, VrrpSyncGroup};
pub use instance::{InitialState, PeerTtl, VrrpInstance};
pub use lvs::{LvsDefaults, LvsFlushOnStop, LvsSyncDaemon, LvsTimeouts, NftablesIpvs};
pub use mail::{Mail, SmtpTls};
pub use notify::{Command, Fifo, FifoPath, GlobalNotify, Notify, ScriptDefaults, TimedCommand};
pub use process::{
    Dumps, Environment, Linkbeat, LinkbeatKind, Processes, Reload, Ssl, UpDownDelay,
};
pub use real_server::{RealServer, RealServerKey};
pub use route::{NextHop, Placing, Route, RouteKind, RouteMetrics};
pub use rule::{Range, Rule, RuleAction};
pub use scheduler::Scheduler;
pub use script::{InitFile, ParamMatch, TrackFile, VrrpScript, VrrpTrackProcess};
pub use served::{
    AddressKey, Family, FwmarkKey, GroupKey, MAX_SERVED, Protocol, Served, VirtualServerKey,
};
pub use track::{Tracked, Tracking, Weight};
pub use virtual_server::{
    Forwarding, SchedulerFlags, SorryServer, Tunnel, TunnelChecksum, VirtualServer,
};
pub use vmac::{UseIpvlan, UseVmac};

/// One configuration, complete.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Config {
    /// `global_defs`.
    pub global_defs: GlobalDefs,
    /// Keywords of the top level that are no block.
    pub environment: Environment,
    /// `vrrp_script`.
    pub vrrp_scripts: Vec<VrrpScript>,
    /// `vrrp_track_process`.
    pub vrrp_track_processes: Vec<VrrpTrackProcess>,
    /// `track_file` (`vrrp_track_file`).
    pub track_files: Vec<TrackFile>,
    /// `bfd_instance`.
    pub bfd_instances: Vec<BfdInstance>,
    /// `static_ipaddress`.
    pub static_ipaddress: Vec<StaticAddress>,
    /// `static_routes`.
    pub static_routes: Vec<Route>,
    /// `static_rules`.
    pub static_rules: Vec<Rule>,
    /// `track_group`.
    pub track_groups: Vec<TrackGroup>,
    /// `garp_group`.
    pub garp_groups: Vec<GarpGroup>,
    /// `vrrp_instance`, in the order of the file.
    pub vrrp_instances: Vec<VrrpInstance>,
    /// `vrrp_sync_group`; every member is one of `vrrp_instances`.
    pub vrrp_sync_groups: Vec<VrrpSyncGroup>,
    /// `virtual_server`, in the order of the file.
    pub virtual_servers: Vec<VirtualServer>,
    /// `virtual_server_group`.
    pub virtual_server_groups: Vec<VirtualServerGroup>,
}
