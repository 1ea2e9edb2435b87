//! `vrrp_instance`.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use super::Resolver;
use super::garp::garp;
use super::track::Weights;
use crate::config::diagnostic::{Code, Diagnostic};
use crate::config::draft::InstanceDraft;
use crate::config::model::{InitialState, PeerTtl, VrrpInstance};
use crate::config::text::{Span, Spanned};

/// Default of `vrrp_mcast_group4` (RFC 3768 5.2.2).
const MCAST_GROUP: Ipv4Addr = Ipv4Addr::new(224, 0, 0, 18);

impl Resolver<'_> {
    /// The instance that a draft stands for; `None` when it cannot be used.
    pub(super) fn instance(
        &mut self,
        draft: &InstanceDraft,
        weights: &Weights,
    ) -> Option<VrrpInstance> {
        let name = &draft.name;
        // All remarks come first: one run shows them all, also where the instance is left out.
        let vrf = self.vrf(draft);
        let default = self.global.default_interface.as_ref();
        let default = default.map(|given| given.value.clone());
        let given = draft.interface.as_ref().map(|given| given.value.clone());
        let interface = given.clone().or(vrf).or_else(|| default.clone());
        let virtual_router_id = draft.virtual_router_id.map(value);
        self.missing(name, interface.is_none(), virtual_router_id.is_none());
        let tracking = self.tracking(&draft.tracking, weights);
        let first = draft.virtual_ipaddress.first();
        let is_v6 = first.map_or(draft.value.native_ipv6, |it| {
            it.address.value.addr().is_ipv6()
        });
        let version = self.version(draft, is_v6);
        let authentication = self.authentication(draft, version);
        let state = self.wish(draft, priority(draft), authentication.as_ref());
        let advert_int = self.advert_int(draft, version);
        let unicast_peer = self.unicast_peers(draft, is_v6);
        let source = draft.source.filter(|it| self.is_of(is_v6, it));
        let mcast_dst_ip = draft.mcast_dst_ip.filter(|it| self.is_of(is_v6, it));
        let (nopreempt, preempt_delay) = self.preemption(draft);
        let stand_on = given.or(default).or_else(|| interface.clone());
        let addresses = self.addresses(draft, &stand_on.unwrap_or_default());
        let (interface, virtual_router_id) = interface.zip(virtual_router_id)?;
        let (virtual_ipaddress, virtual_ipaddress_excluded) = addresses;
        if virtual_ipaddress.is_empty() && !draft.no_virtual_ipaddress.is_some_and(value) {
            let message = format!("vrrp_instance `{}` has no virtual address", name.value);
            self.warning(Code::MissingSetting, name.span, message);
        }

        let virtual_routes = self.routes(draft.virtual_routes.clone());
        let virtual_rules = self.rules(draft.virtual_rules.clone());
        let global = &self.global;
        let mcast_group: IpAddr = if is_v6 {
            global.value.vrrp_mcast_group6.into()
        } else {
            global.vrrp_mcast_group4.map_or(MCAST_GROUP, value).into()
        };
        let flag = |inner: Option<Spanned<bool>>, outer: Option<Spanned<bool>>| {
            inner.or(outer).is_some_and(value)
        };
        let strict_mode = flag(draft.strict_mode, global.vrrp_strict);
        let strict = draft.strict_mode.or(global.vrrp_strict);
        if let Some(strict) = strict.filter(|it| it.value)
            && draft.accept.is_none()
            && priority(draft) != 255
        {
            let message = "strict: the virtual addresses answer nothing, not even ping, but for \
                           the owner (priority 255)";
            let trap = Diagnostic::warning(Code::Adjusted, strict.span, message);
            self.report(trap.help("leave it out, or write `accept`"));
        }
        let global = &self.global;
        let instance = VrrpInstance {
            state,
            interface,
            virtual_router_id,
            priority: priority(draft),
            advert_int,
            authentication,
            virtual_ipaddress,
            virtual_ipaddress_excluded,
            nopreempt,
            preempt_delay,
            source: source.map(value),
            unicast_peer,
            unicast_ttl: draft.unicast_ttl.map_or(255, value),
            mcast_dst_ip: mcast_dst_ip.map_or(mcast_group, value),
            skip_check_adv_addr: flag(draft.skip_check_adv_addr, global.vrrp_skip_check_adv_addr),
            dont_track_primary: draft.dont_track_primary.is_some_and(value),
            lower_prio_no_advert: flag(
                draft.lower_prio_no_advert,
                global.vrrp_lower_prio_no_advert,
            ),
            higher_prio_send_advert: flag(
                draft.higher_prio_send_advert,
                global.vrrp_higher_prio_send_advert,
            ),
            down_timer_adverts: draft
                .down_timer_adverts
                .or(global.vrrp_down_timer_adverts)
                .map_or(3, value),
            garp: garp(&draft.garp, global),
            version,
            no_virtual_ipaddress: draft.no_virtual_ipaddress.is_some_and(value),
            accept: draft.accept.map_or(!strict_mode, value),
            strict_mode,
            auth_hmac: draft.auth_hmac.as_ref().map(|given| given.value.clone()),
            unicast_peer_ttl: peer_limits(draft),
            check_unicast_src: flag(draft.check_unicast_src, global.vrrp_check_unicast_src),
            owner_ignore_adverts: flag(
                draft.owner_ignore_adverts,
                global.vrrp_owner_ignore_adverts,
            ),
            v3_checksum_as_v2: flag(draft.v3_checksum_as_v2, global.v3_checksum_as_v2),
            virtual_routes,
            virtual_rules,
            track: tracking,
            notify: self.notify(&draft.notify),
            ..draft.value.clone()
        };
        self.instance_traps(draft, &instance);
        Some(instance)
    }

    /// `vrf`: instead of an interface, for adverts to peers, which are routed.
    fn vrf(&mut self, draft: &InstanceDraft) -> Option<String> {
        let vrf = draft.value.vrf.as_ref()?;
        let why = if draft.interface.is_some() {
            "the instance has an interface, whose routing table counts"
        } else if draft.unicast_peer.is_empty() {
            "only adverts to unicast peers need no interface"
        } else {
            return Some(vrf.clone());
        };
        let span = draft.given.span("vrf").unwrap_or(draft.name.span);
        self.warning(Code::Surprising, span, format!("`vrf` is ignored: {why}"));
        None
    }

    /// What no instance can be without.
    fn missing(&mut self, name: &Spanned<String>, interface: bool, virtual_router_id: bool) {
        let (missing, help) = match (interface, virtual_router_id) {
            (false, false) => return,
            (true, false) => ("`interface`", "add `interface NAME`"),
            (false, true) => (
                "`virtual_router_id`",
                "add `virtual_router_id N`, from 1 to 255",
            ),
            (true, true) => (
                "`interface` and no `virtual_router_id`",
                "add `interface NAME` and `virtual_router_id N`",
            ),
        };
        let message = format!(
            "vrrp_instance `{}` has no {missing}: it is left out",
            name.value
        );
        self.report(Diagnostic::error(Code::MissingSetting, name.span, message).help(help));
    }

    /// 2 or 3; IPv6 needs 3 (RFC 9568 1).
    fn version(&mut self, draft: &InstanceDraft, is_v6: bool) -> u8 {
        let given = draft.version.or(self.global.vrrp_version);
        match given {
            Some(version) if version.value == 2 && is_v6 => {
                let message = "VRRP version 2 knows no IPv6: version 3 is spoken";
                self.warning(Code::Adjusted, version.span, message);
                3
            }
            Some(version) => version.value,
            None if is_v6 => 3,
            None => 2,
        }
    }

    /// What an advert can say: whole seconds from 1 to 255 (RFC 3768 5.3.7), or centiseconds to
    /// 40.95 s (RFC 9568 5.2.7).
    fn advert_int(&mut self, draft: &InstanceDraft, version: u8) -> Duration {
        let Some(given) = draft.advert_int else {
            return Duration::from_secs(1);
        };
        let milliseconds = u64::try_from(given.value.as_millis()).unwrap_or(u64::MAX);
        let (rounded, unit) = if version == 3 {
            let centiseconds = (milliseconds.saturating_add(5) / 10).clamp(1, 4095);
            (
                Duration::from_millis(centiseconds * 10),
                "hundredths of a second up to 40.95",
            )
        } else {
            let seconds = (milliseconds.saturating_add(500) / 1000).clamp(1, 255);
            (Duration::from_secs(seconds), "whole seconds")
        };
        if rounded != given.value {
            let message = format!(
                "VRRP version {version} counts {unit}: `advert_int` is rounded to {}",
                rounded.as_secs_f64()
            );
            self.warning(Code::Adjusted, given.span, message);
        }
        rounded
    }

    /// Whether an address is of the family of the virtual addresses; said if it is not.
    fn is_of(&mut self, is_v6: bool, address: &Spanned<IpAddr>) -> bool {
        let fits = address.value.is_ipv6() == is_v6;
        if !fits {
            let family = if is_v6 { "IPv6" } else { "IPv4" };
            let message = format!("adverts go over {family}: `{}` is ignored", address.value);
            self.error(Code::WrongFamily, address.span, message);
        }
        fits
    }

    fn unicast_peers(&mut self, draft: &InstanceDraft, is_v6: bool) -> Vec<IpAddr> {
        let mut seen: HashMap<IpAddr, Span> = HashMap::new();
        let mut peers = Vec::with_capacity(draft.unicast_peer.len());
        for peer in &draft.unicast_peer {
            if !self.is_of(is_v6, peer) {
                continue;
            }
            if let Some(first) = seen.insert(peer.value, peer.span) {
                let message = format!("the peer {} stands here twice", peer.value);
                let twice = Diagnostic::warning(Code::Duplicate, peer.span, message);
                self.report(twice.related(first, "the one before"));
            } else {
                peers.push(peer.value);
            }
        }
        peers
    }
}

/// What was given, without its place.
pub(super) fn value<T>(given: Spanned<T>) -> T {
    given.value
}

/// 100, or 255 for a MASTER that names none, as in keepalived.
fn priority(draft: &InstanceDraft) -> u8 {
    let master = draft
        .state
        .is_some_and(|state| state.value == InitialState::Master);
    draft.priority.map_or(if master { 255 } else { 100 }, value)
}

fn peer_limits(draft: &InstanceDraft) -> Vec<PeerTtl> {
    let limits = draft.unicast_peer_ttl.iter();
    let limits = limits.map(|(peer, limits)| PeerTtl {
        peer: peer.value,
        min_ttl: limits.min_ttl,
        max_ttl: limits.max_ttl,
    });
    limits.collect()
}
