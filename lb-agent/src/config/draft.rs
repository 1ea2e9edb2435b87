//! What a configuration says, as far as it was understood: typed, with places, without defaults.
//!
//! A field is `None` when the file does not speak of it. The keyword tables fill these values;
//! [`super::resolve`] makes the [`super::model`] of them.

mod lvs;
mod vrrp;

pub(crate) use lvs::{
    CheckSettings, CheckerDraft, CheckerName, HasCheckSettings, ProtocolDraft, RealServerDraft,
    UrlDraft, VirtualServerDraft,
};
pub(crate) use vrrp::{
    AddressDraft, AuthType, AuthenticationDraft, GarpDraft, GlobalDraft, InstanceDraft,
};

/// A whole configuration.
#[derive(Debug, Default)]
pub(crate) struct ConfigDraft {
    /// All `global_defs` blocks together.
    pub(crate) global_defs: GlobalDraft,
    /// `vrrp_instance`
    pub(crate) instances: Vec<InstanceDraft>,
    /// `virtual_server`
    pub(crate) virtual_servers: Vec<VirtualServerDraft>,
}
