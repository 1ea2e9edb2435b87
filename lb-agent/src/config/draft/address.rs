//! Addresses, routes and rules as written.

use ipnet::IpNet;

use crate::config::model::{AddressFlags, Broadcast, NextHop, Route, Rule};
use crate::config::text::Spanned;

/// A line of `virtual_ipaddress` or `static_ipaddress`.
#[derive(Debug)]
pub(crate) struct AddressDraft {
    pub(crate) address: Spanned<IpNet>,
    pub(crate) dev: Option<Spanned<String>>,
    pub(crate) label: Option<Spanned<String>>,
    pub(crate) scope: Option<Spanned<u8>>,
    pub(crate) brd: Option<Spanned<Broadcast>>,
    pub(crate) options: AddressFlags,
    /// Of a static address.
    pub(crate) track_group: Option<Spanned<String>>,
}

impl AddressDraft {
    /// One without options.
    pub(crate) fn new(address: Spanned<IpNet>) -> Self {
        Self {
            address,
            dev: None,
            label: None,
            scope: None,
            brd: None,
            options: AddressFlags::default(),
            track_group: None,
        }
    }
}

/// A line of `virtual_routes` or `static_routes`.
#[derive(Clone, Debug, Default)]
pub(crate) struct RouteDraft {
    /// As far as it was read.
    pub(crate) value: Route,
    /// Whether the destination was named.
    pub(crate) has_destination: bool,
    /// `via`, `dev`, `onlink` of the line itself.
    pub(crate) hop: NextHop,
    pub(crate) track_group: Option<Spanned<String>>,
}

/// A line of `virtual_rules` or `static_rules`.
#[derive(Clone, Debug, Default)]
pub(crate) struct RuleDraft {
    /// As far as it was read.
    pub(crate) value: Rule,
    pub(crate) track_group: Option<Spanned<String>>,
}
