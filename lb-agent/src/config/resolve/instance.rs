//! `vrrp_instance`.

use std::collections::HashMap;
use std::net::Ipv4Addr;
use std::time::Duration;

use ipnet::IpNet;

use super::Resolver;
use super::garp::garp;
use crate::config::diagnostic::{Code, Diagnostic};
use crate::config::draft::{AddressDraft, AuthType, InstanceDraft};
use crate::config::model::{
    Authentication, GlobalDefs, InitialState, VirtualAddress, VrrpInstance,
};
use crate::config::text::{Span, Spanned};

/// Addresses of one advert: their number is one byte (RFC 3768 5.3.5).
const MAX_ADVERTISED: usize = 255;

/// Bytes of a password on the wire (RFC 2338 5.3.6.1).
const MAX_PASSWORD: usize = 8;

impl Resolver<'_> {
    /// The instance that a draft stands for; `None` when it cannot be used.
    pub(super) fn instance(&mut self, draft: &InstanceDraft) -> Option<VrrpInstance> {
        let name = draft.name.as_ref()?;
        let required = self.required(draft, name);
        let version_2 = self.is_version_2(draft, name);
        let authentication = self.authentication(draft, name);
        let (interface, virtual_router_id) = required?;
        let authentication = authentication.ok()?;
        if !version_2 {
            return None;
        }
        let unicast_peer = self.unicast_peers(draft);
        let global = &self.global;
        let defaults = GlobalDefs::default();
        let mcast_group = global
            .vrrp_mcast_group4
            .map_or(defaults.vrrp_mcast_group4, value);
        let flag = |inner: Option<Spanned<bool>>, outer: Option<Spanned<bool>>| {
            inner.or(outer).is_some_and(value)
        };
        let mut instance = VrrpInstance {
            name: name.value.clone(),
            state: draft.state.map_or(InitialState::Backup, value),
            interface,
            virtual_router_id,
            priority: priority(draft),
            advert_int: Duration::from_secs(1),
            authentication,
            virtual_ipaddress: Vec::new(),
            virtual_ipaddress_excluded: Vec::new(),
            nopreempt: draft.nopreempt.is_some_and(value),
            preempt_delay: draft.preempt_delay.map_or(Duration::ZERO, value),
            source: draft.source.map(value),
            unicast_peer,
            unicast_ttl: draft.unicast_ttl.map_or(255, value),
            mcast_dst_ip: draft.mcast_dst_ip.map_or(mcast_group, value),
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
        };
        instance.advert_int = self.advert_int(draft);
        self.preemption(draft, &mut instance);
        self.addresses(draft, &mut instance);
        Some(instance)
    }

    /// What no instance can be without.
    fn required(&mut self, draft: &InstanceDraft, name: &Spanned<String>) -> Option<(String, u8)> {
        let interface = draft
            .interface
            .as_ref()
            .or(self.global.default_interface.as_ref());
        let interface = interface.map(|given| given.value.clone());
        let virtual_router_id = draft.virtual_router_id.map(value);
        let (missing, help) = match (&interface, virtual_router_id) {
            (Some(_), Some(_)) => return interface.zip(virtual_router_id),
            (None, Some(_)) => ("`interface`", "add `interface NAME`"),
            (Some(_), None) => (
                "`virtual_router_id`",
                "add `virtual_router_id N`, from 1 to 255",
            ),
            (None, None) => (
                "`interface` and no `virtual_router_id`",
                "add `interface NAME` and `virtual_router_id N`",
            ),
        };
        let message = format!(
            "vrrp_instance `{}` has no {missing}: it is left out",
            name.value
        );
        self.report(Diagnostic::error(Code::MissingSetting, name.span, message).help(help));
        None
    }

    /// A router that cannot speak as its peers do must be silent: it would be a second master.
    fn is_version_2(&mut self, draft: &InstanceDraft, name: &Spanned<String>) -> bool {
        let left_out = |what: &str| {
            format!(
                "{what} is not supported yet: vrrp_instance `{}` is left out",
                name.value
            )
        };
        let version = draft.version.or(self.global.vrrp_version);
        if let Some(version) = version.filter(|version| version.value != 2) {
            self.error(Code::NotSupported, version.span, left_out("VRRP version 3"));
            return false;
        }
        let first = draft.virtual_ipaddress.first().map(|line| line.address);
        if let Some(first) = first.filter(|first| first.value.addr().is_ipv6()) {
            self.error(Code::NotSupported, first.span, left_out("VRRP for IPv6"));
            return false;
        }
        true
    }

    /// `Err` when the instance cannot be used.
    fn authentication(
        &mut self,
        draft: &InstanceDraft,
        name: &Spanned<String>,
    ) -> Result<Option<Authentication>, NotSupported> {
        let Some(block) = &draft.authentication else {
            return Ok(None);
        };
        let password = block
            .value
            .auth_pass
            .as_ref()
            .filter(|given| !given.value.is_empty());
        match (block.value.auth_type, password) {
            (
                Some(Spanned {
                    value: AuthType::Ah,
                    span,
                }),
                _,
            ) => {
                let message = format!(
                    "authentication by AH is not supported yet: vrrp_instance `{}` is left out",
                    name.value
                );
                self.error(Code::NotSupported, span, message);
                Err(NotSupported)
            }
            (Some(_), Some(password)) => Ok(Some(self.password(password))),
            (Some(kind), None) => {
                let message = "`auth_type` without `auth_pass`: adverts carry no authentication";
                self.warning(Code::MissingSetting, kind.span, message);
                Ok(None)
            }
            (None, Some(password)) => {
                let message = "`auth_pass` without `auth_type`: adverts carry no authentication";
                let missing = Diagnostic::warning(Code::MissingSetting, password.span, message);
                self.report(missing.help("add `auth_type PASS`"));
                Ok(None)
            }
            (None, None) => Ok(None),
        }
    }

    fn password(&mut self, password: &Spanned<String>) -> Authentication {
        let bytes = password.value.as_bytes();
        if bytes.len() > MAX_PASSWORD {
            let message = format!(
                "`auth_pass` has {} bytes: only the first {MAX_PASSWORD} count",
                bytes.len()
            );
            self.warning(Code::Adjusted, password.span, message);
        }
        let mut padded = [0; MAX_PASSWORD];
        for (place, byte) in padded.iter_mut().zip(bytes) {
            *place = *byte;
        }
        Authentication::Pass(padded)
    }

    /// Whole seconds from 1 to 255: all that a version-2 advert can say (RFC 3768 5.3.7).
    fn advert_int(&mut self, draft: &InstanceDraft) -> Duration {
        let Some(given) = draft.advert_int else {
            return Duration::from_secs(1);
        };
        let rounded = (given.value + Duration::from_millis(500))
            .as_secs()
            .clamp(1, 255);
        let whole = Duration::from_secs(rounded);
        if whole != given.value {
            let message = format!(
                "VRRP version 2 counts whole seconds: `advert_int` is rounded to {rounded}"
            );
            self.warning(Code::Adjusted, given.span, message);
        }
        whole
    }

    fn preemption(&mut self, draft: &InstanceDraft, instance: &mut VrrpInstance) {
        let master = draft
            .state
            .filter(|state| state.value == InitialState::Master);
        if let (Some(master), Some(given)) = (master, draft.nopreempt.filter(|given| given.value)) {
            let message = "`nopreempt` has no effect with `state MASTER`";
            let trap = Diagnostic::warning(Code::Adjusted, given.span, message)
                .related(master.span, "the state is set here")
                .help("write `state BACKUP` on all routers: the priorities decide");
            self.report(trap);
            instance.nopreempt = false;
        }
        let Some(delay) = draft
            .preempt_delay
            .filter(|delay| delay.value > Duration::ZERO)
        else {
            return;
        };
        let reason = if let Some(master) = master {
            Some(("`state MASTER`", master.span))
        } else {
            draft
                .nopreempt
                .filter(|_| instance.nopreempt)
                .map(|given| ("`nopreempt`", given.span))
        };
        if let Some((reason, span)) = reason {
            let message = format!("`preempt_delay` has no effect with {reason}");
            let trap = Diagnostic::warning(Code::Adjusted, delay.span, message);
            self.report(trap.related(span, "set here"));
            instance.preempt_delay = Duration::ZERO;
        }
    }

    fn unicast_peers(&mut self, draft: &InstanceDraft) -> Vec<Ipv4Addr> {
        let mut seen: HashMap<Ipv4Addr, Span> = HashMap::new();
        let mut peers = Vec::with_capacity(draft.unicast_peer.len());
        for peer in &draft.unicast_peer {
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

    fn addresses(&mut self, draft: &InstanceDraft, instance: &mut VrrpInstance) {
        let advertised = self.usable(&draft.virtual_ipaddress, &instance.interface);
        let mut excluded = self.usable(&draft.virtual_ipaddress_excluded, &instance.interface);
        let mut advertised = advertised.into_iter();
        instance.virtual_ipaddress = advertised
            .by_ref()
            .take(MAX_ADVERTISED)
            .map(value)
            .collect();
        let surplus: Vec<Spanned<VirtualAddress>> = advertised.collect();
        if let Some(first) = surplus.first() {
            let message = format!(
                "an advert holds {MAX_ADVERTISED} addresses: this one and those behind it are set, \
                 but not advertised"
            );
            self.warning(Code::Adjusted, first.span, message);
        }
        excluded.splice(..0, surplus);
        instance.virtual_ipaddress_excluded = excluded.into_iter().map(value).collect();
        let none =
            instance.virtual_ipaddress.is_empty() && !draft.no_virtual_ipaddress.is_some_and(value);
        if let (true, Some(name)) = (none, &draft.name) {
            let message = format!("vrrp_instance `{}` has no virtual address", name.value);
            self.warning(Code::MissingSetting, name.span, message);
        }
    }

    /// The addresses of IPv4. One that stands there twice stays: keepalived advertises it twice,
    /// and releases to 2.3.2 refuse an advert with another list than their own.
    fn usable(&mut self, lines: &[AddressDraft], interface: &str) -> Vec<Spanned<VirtualAddress>> {
        let mut seen: HashMap<(IpNet, String), Span> = HashMap::new();
        let mut usable = Vec::with_capacity(lines.len());
        for line in lines {
            let Spanned { value: net, span } = line.address;
            if net.addr().is_ipv6() {
                let message = format!(
                    "`{}` is IPv6 in an instance of IPv4: it is left out",
                    net.addr()
                );
                self.error(Code::WrongFamily, span, message);
                continue;
            }
            let value = virtual_address(line, interface);
            if let Some(first) = seen.get(&(net, value.dev.clone())) {
                let message = format!("the virtual address {net} stands here twice");
                let twice = Diagnostic::warning(Code::Duplicate, span, message);
                self.report(twice.related(*first, "the first one"));
            } else {
                seen.insert((net, value.dev.clone()), span);
            }
            usable.push(Spanned { value, span });
        }
        usable
    }
}

/// The instance was left out.
struct NotSupported;

fn value<T>(given: Spanned<T>) -> T {
    given.value
}

/// 100, or 255 for a MASTER that names none, as in keepalived.
fn priority(draft: &InstanceDraft) -> u8 {
    let master = draft
        .state
        .is_some_and(|state| state.value == InitialState::Master);
    draft.priority.map_or(if master { 255 } else { 100 }, value)
}

fn virtual_address(line: &AddressDraft, interface: &str) -> VirtualAddress {
    VirtualAddress {
        address: line.address.value,
        dev: line
            .dev
            .as_ref()
            .map_or_else(|| interface.to_owned(), |dev| dev.value.clone()),
        label: line.label.as_ref().map(|label| label.value.clone()),
        scope: line.scope.map_or(0, value),
        brd: line.brd.map(value),
    }
}
