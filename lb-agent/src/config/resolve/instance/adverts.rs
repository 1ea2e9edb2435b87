//! What an instance sends, to whom, and what it makes of what it hears.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use ipnet::IpNet;

use super::value;
use crate::config::diagnostic::{Code, Diagnostic};
use crate::config::draft::InstanceDraft;
use crate::config::model::{PeerTtl, UseIpvlan, VrrpInstance};
use crate::config::resolve::Resolver;
use crate::config::text::{Span, Spanned};

/// Default of `vrrp_mcast_group4` (RFC 3768 5.2.2).
const MCAST_GROUP: Ipv4Addr = Ipv4Addr::new(224, 0, 0, 18);

impl Resolver<'_> {
    /// What concerns adverts; the rest is the draft's.
    pub(super) fn adverts(&mut self, draft: &InstanceDraft) -> VrrpInstance {
        let first = draft.virtual_ipaddress.first();
        let is_v6 = first.map_or(draft.value.native_ipv6, |it| {
            it.address.value.addr().is_ipv6()
        });
        let version = self.version(draft, is_v6);
        self.two_sources(draft);
        self.without_peers(draft);
        let mcast_src_ip = draft.mcast_src_ip.filter(|it| self.is_of(is_v6, it));
        let unicast_src_ip = draft.unicast_src_ip.filter(|it| self.is_of(is_v6, it));
        let mcast_dst_ip = draft.mcast_dst_ip.filter(|it| self.is_of(is_v6, it));
        VrrpInstance {
            version,
            use_ipvlan: self.ipvlan(draft, is_v6),
            advert_int: self.advert_int(draft, version),
            authentication: self.authentication(draft, version),
            auth_hmac: draft.auth_hmac.as_ref().map(|given| given.value.clone()),
            mcast_src_ip: mcast_src_ip.map(value),
            unicast_src_ip: unicast_src_ip.map(value),
            unicast_peer: self.unicast_peers(draft, is_v6),
            unicast_peer_ttl: peer_limits(draft),
            unicast_ttl: draft.unicast_ttl.map_or(255, value),
            mcast_dst_ip: mcast_dst_ip.map_or_else(|| self.mcast_group(is_v6), value),
            ..self.hearing(draft)
        }
    }

    /// `use_ipvlan`, without an address that adverts cannot come from.
    fn ipvlan(&mut self, draft: &InstanceDraft, is_v6: bool) -> Option<UseIpvlan> {
        let mut ipvlan = draft.value.use_ipvlan.clone()?;
        let span = draft.given.span("use_ipvlan").unwrap_or(draft.name.span);
        let given = ipvlan.address.as_ref().map(IpNet::addr);
        if given.is_some_and(|value| !self.is_of(is_v6, &Spanned { value, span })) {
            ipvlan.address = None;
        }
        Some(ipvlan)
    }

    /// `mcast_src_ip` and `unicast_src_ip` say one thing.
    fn two_sources(&mut self, draft: &InstanceDraft) {
        let place = |keyword: &'static str| Some((draft.given.span(keyword)?, keyword));
        let mut given = [place("mcast_src_ip"), place("unicast_src_ip")];
        given.sort();
        if let [Some((first, other)), Some((last, keyword))] = given {
            let message = format!("`{keyword}` takes the place of `{other}`: both say one thing");
            let twice = Diagnostic::warning(Code::Surprising, last, message);
            let twice = twice.related(first, "this one has no effect");
            self.report(twice.help("leave one of them out"));
        }
    }

    /// Keywords of unicast where adverts go to a group all the same.
    fn without_peers(&mut self, draft: &InstanceDraft) {
        if !draft.unicast_peer.is_empty() || draft.value.unicast_fault_no_peer {
            return;
        }
        for keyword in [
            "unicast_src_ip",
            "unicast_ttl",
            "check_unicast_src",
            "old_unicast_checksum",
            "unicast_peer",
        ] {
            if let Some(span) = draft.given.span(keyword) {
                let message =
                    format!("`{keyword}`, and no peer: adverts go to the multicast group");
                let missing = Diagnostic::warning(Code::MissingSetting, span, message);
                self.report(missing.help("name the other routers in `unicast_peer { … }`"));
            }
        }
    }

    /// What is made of an advert that comes.
    fn hearing(&self, draft: &InstanceDraft) -> VrrpInstance {
        let global = &self.global;
        let flag = |inner: Option<Spanned<bool>>, outer: Option<Spanned<bool>>| {
            inner.or(outer).is_some_and(value)
        };
        VrrpInstance {
            skip_check_adv_addr: flag(draft.skip_check_adv_addr, global.vrrp_skip_check_adv_addr),
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
            check_unicast_src: flag(draft.check_unicast_src, global.vrrp_check_unicast_src),
            owner_ignore_adverts: flag(
                draft.owner_ignore_adverts,
                global.vrrp_owner_ignore_adverts,
            ),
            v3_checksum_as_v2: flag(draft.v3_checksum_as_v2, global.v3_checksum_as_v2),
            ..draft.value.clone()
        }
    }

    /// `vrrp_mcast_group4`, `vrrp_mcast_group6`.
    fn mcast_group(&self, is_v6: bool) -> IpAddr {
        let global = &self.global;
        if is_v6 {
            global.value.vrrp_mcast_group6.into()
        } else {
            global.vrrp_mcast_group4.map_or(MCAST_GROUP, value).into()
        }
    }

    /// 2 or 3; IPv6 needs 3 (RFC 9568 1).
    fn version(&mut self, draft: &InstanceDraft, is_v6: bool) -> u8 {
        let given = draft.version.or(self.global.vrrp_version);
        match given {
            Some(version) if version.value == 2 && is_v6 => {
                let message = "VRRP version 2 knows no IPv6: version 3 is spoken";
                self.warning(Code::Surprising, version.span, message);
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
                let twice = Diagnostic::warning(Code::Repeated, peer.span, message);
                self.report(twice.related(first, "the one before"));
            } else {
                peers.push(*peer);
            }
        }
        self.listed("unicast_peer", peers)
    }
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
