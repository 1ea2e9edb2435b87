//! The virtual addresses of an instance.

use std::collections::HashMap;

use ipnet::IpNet;

use super::Resolver;
use super::instance::value;
use crate::config::diagnostic::{Code, Diagnostic};
use crate::config::draft::{AddressDraft, InstanceDraft};
use crate::config::model::VirtualAddress;
use crate::config::text::{Span, Spanned};

/// Addresses of one advert: their number is one byte (RFC 3768 5.3.5).
const MAX_ADVERTISED: usize = 255;

impl Resolver<'_> {
    /// The advertised addresses and the others.
    pub(super) fn addresses(
        &mut self,
        draft: &InstanceDraft,
        interface: &str,
    ) -> (Vec<VirtualAddress>, Vec<VirtualAddress>) {
        let advertised = self.usable(&draft.virtual_ipaddress, interface);
        let excluded = self.usable(&draft.virtual_ipaddress_excluded, interface);
        let (mut advertised, others) = self.of_one_family(advertised);
        let surplus = advertised.split_off(advertised.len().min(MAX_ADVERTISED));
        if let Some(first) = surplus.first() {
            let message = format!(
                "an advert holds {MAX_ADVERTISED} addresses: this one and those behind it are set, \
                 but not advertised"
            );
            self.warning(Code::Adjusted, first.span, message);
        }
        let excluded = surplus.into_iter().chain(others).chain(excluded);
        let excluded = excluded.collect();
        (
            self.listed("virtual_ipaddress", advertised),
            self.listed("virtual_ipaddress_excluded", excluded),
        )
    }

    /// An advert holds addresses of one family, that of the first; the others are only set.
    fn of_one_family(
        &mut self,
        addresses: Vec<Spanned<VirtualAddress>>,
    ) -> (Vec<Spanned<VirtualAddress>>, Vec<Spanned<VirtualAddress>>) {
        let is_v6 = |it: &Spanned<VirtualAddress>| it.value.address.addr().is_ipv6();
        let first = addresses.first().is_some_and(is_v6);
        let (ours, others): (Vec<_>, Vec<_>) =
            addresses.into_iter().partition(|it| is_v6(it) == first);
        for other in &others {
            let message = format!(
                "`{}` is not of the family of the first address: it is set, but not advertised",
                other.value.address.addr()
            );
            self.warning(Code::WrongFamily, other.span, message);
        }
        (ours, others)
    }

    /// The addresses. One that stands there twice stays: keepalived advertises it twice,
    /// and releases to 2.3.2 refuse an advert with another list than their own.
    fn usable(&mut self, lines: &[AddressDraft], interface: &str) -> Vec<Spanned<VirtualAddress>> {
        let mut seen: HashMap<(IpNet, String), Span> = HashMap::new();
        let mut usable = Vec::with_capacity(lines.len());
        for line in lines {
            let Spanned { value: net, span } = line.address;
            let value = virtual_address(line, interface);
            if let Some(first) = seen.get(&(net, value.dev.clone())) {
                let message = format!("the virtual address {net} stands here twice");
                let twice = Diagnostic::warning(Code::Repeated, span, message);
                self.report(twice.related(*first, "the first one"));
            } else {
                seen.insert((net, value.dev.clone()), span);
            }
            usable.push(Spanned { value, span });
        }
        usable
    }
}

/// An address whose default interface is `interface`.
pub(super) fn virtual_address(line: &AddressDraft, interface: &str) -> VirtualAddress {
    VirtualAddress {
        address: line.address.value,
        dev: line
            .dev
            .as_ref()
            .map_or_else(|| interface.to_owned(), |dev| dev.value.clone()),
        label: line.label.as_ref().map(|label| label.value.clone()),
        scope: line.scope.map_or(0, value),
        brd: line.brd.map(value),
        options: line.options.clone(),
    }
}
