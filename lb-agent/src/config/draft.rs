//! What a configuration says, as far as it was understood: typed, with places, without defaults
//! that depend on other lines.
//!
//! Where nothing is handed down and nothing compared, a draft holds the value of the model itself
//! and [`Given`] tells what the file says of it. A field is an `Option` when another block, or
//! another keyword, may say it in its place. The keyword tables fill these values;
//! [`super::resolve`] makes the [`super::model`] of them.

mod address;
mod checker;
mod given;
mod lvs;
mod track;
mod vrrp;

pub(crate) use address::{AddressDraft, RouteDraft, RuleDraft};
pub(crate) use checker::{
    BfdCheckDraft, CheckDraft, CheckSettings, CheckerDraft, CheckerName, DnsCheckDraft,
    FileCheckDraft, HasCheckSettings, IsChecker, MiscCheckDraft, SmtpCheckDraft, SslGetDraft,
    UdpCheckDraft, UrlDraft,
};
pub(crate) use given::Given;
pub(crate) use lvs::{ProtocolDraft, RealServerDraft, Target, VirtualServerDraft};
pub(crate) use track::{
    HasNotify, HasTracking, NotifyDraft, PeerDraft, TrackFileDraft, TrackedDraft, TrackingDraft,
};
pub(crate) use vrrp::{
    AuthType, AuthenticationDraft, GarpDraft, GlobalDraft, InstanceDraft, SyncGroupDraft,
};

use super::model::{
    BfdInstance, Environment, GarpGroup, VirtualServerGroup, VrrpScript, VrrpTrackProcess,
};
use super::text::{Span, Spanned};

/// A whole configuration.
#[derive(Debug, Default)]
pub(crate) struct ConfigDraft {
    /// The keywords of the top level.
    pub(crate) given: Given,
    /// Those of `SSL`.
    pub(crate) ssl: Given,
    /// All `global_defs` blocks together.
    pub(crate) global_defs: GlobalDraft,
    /// What is no block of its own kind.
    pub(crate) environment: Environment,
    /// `vrrp_script`
    pub(crate) vrrp_scripts: Vec<Named<VrrpScript>>,
    /// `vrrp_track_process`
    pub(crate) vrrp_track_processes: Vec<Named<VrrpTrackProcess>>,
    /// `track_file`
    pub(crate) track_files: Vec<Named<TrackFileDraft>>,
    /// `bfd_instance`
    pub(crate) bfd_instances: Vec<Named<BfdInstance>>,
    /// `static_ipaddress`
    pub(crate) static_ipaddress: Vec<AddressDraft>,
    /// `static_routes`
    pub(crate) static_routes: Vec<RouteDraft>,
    /// `static_rules`
    pub(crate) static_rules: Vec<RuleDraft>,
    /// `track_group`
    pub(crate) track_groups: Vec<Named<Vec<Spanned<String>>>>,
    /// `garp_group`
    pub(crate) garp_groups: Vec<(Given, GarpGroup)>,
    /// `vrrp_sync_group`
    pub(crate) vrrp_sync_groups: Vec<Named<SyncGroupDraft>>,
    /// `vrrp_instance`
    pub(crate) instances: Vec<InstanceDraft>,
    /// `virtual_server_group`
    pub(crate) virtual_server_groups: Vec<Named<VirtualServerGroup>>,
    /// `virtual_server`
    pub(crate) virtual_servers: Vec<VirtualServerDraft>,
}

/// A block with a name.
#[derive(Debug)]
pub(crate) struct Named<T> {
    pub(crate) name: Spanned<String>,
    /// Its keyword and name.
    pub(crate) span: Span,
    pub(crate) given: Given,
    pub(crate) value: T,
}
