//! Adverts, in and out. Nothing is allocated for one.

use std::net::IpAddr;
use std::time::{Duration, Instant};

use tracing::{error, warn};

use super::{Interfaces, Member, Outside};
use crate::vrrp::State;
use crate::vrrp::effects::Kernel;
use crate::vrrp::instance::Input;
use crate::vrrp::receive::{self, Before, Received};
use crate::vrrp::settings::Family;
use crate::wire::ip::Datagram;
use crate::wire::vrrp::{
    AUTH_DATA_LEN, PROTOCOL, PROTOCOL_AH, PseudoHeader, Repr, TTL, View, write_checksum,
};
use crate::wire::{ah, hmac, ipv4, ipv6, vrrp};

impl Member {
    /// Whether the instance listens for adverts that come the way of this one.
    pub(in crate::vrrp::router) fn hears(&self, packet: &Datagram<'_>) -> bool {
        if self.expected.is_unicast() {
            let peers = &self.expected.peers;
            !packet.destination.is_multicast()
                && peers.iter().any(|peer| peer.address == packet.source)
        } else {
            packet.destination == self.config.mcast_dst_ip
        }
    }

    pub(in crate::vrrp::router) fn handle_packet<K: Kernel>(
        &mut self,
        packet: &Datagram<'_>,
        view: &View<'_>,
        interfaces: &Interfaces,
        outside: &mut Outside<K>,
        now: Instant,
    ) {
        // skip_check_adv_addr spares a backup the list of a master it knows, nothing more.
        let known = self.machine.master().map(|master| master.source);
        let before = Before {
            check_addresses: self.machine.state() == State::Master
                || !self.config.skip_check_adv_addr
                || known != Some(packet.source),
            sequence: self.sequence,
            hmac_sequence: self.hmac.last_of(packet.source),
            since_1970: self.time_of_day(outside),
        };
        match receive::check(&self.expected, packet, view, before) {
            Ok(received) => self.accept(received, interfaces, outside, now),
            Err(reason) => {
                self.board.counters.rejected(&reason);
                if self.rejections.is_due(&reason, now) {
                    warn!("({}) {reason}", self.config.name);
                }
            }
        }
    }

    fn accept<K: Kernel>(
        &mut self,
        received: Received,
        interfaces: &Interfaces,
        outside: &mut Outside<K>,
        now: Instant,
    ) {
        let name = &self.config.name;
        self.board.heard(received.advert, now);
        if received.sequence.is_some() {
            // The next of ours is one higher, or the other would take it for an old one.
            self.sequence = received.sequence;
        }
        if let Some(sequence) = received.hmac_sequence {
            self.hmac.note(received.advert.source, sequence);
        }
        if received.unsigned {
            self.board.counters.unsigned();
        }
        if received.old_checksum && !self.old_checksum {
            warn!("({name}) Setting unicast VRRPv3 checksum to old version");
            self.old_checksum = true;
        }
        if let Some(mismatch) = received.mismatch {
            self.board.counters.mismatched();
            if self.mismatches.is_due(&mismatch, now) {
                warn!("({name}) {mismatch}");
            }
        }
        let advert = received.advert;
        self.handle(Input::Advert(advert), interfaces, outside, now);
        if self.heard_lower && self.lower.is_none_or(|(known, _)| known != advert.source) {
            self.lower = Some((advert.source, None));
            self.ask_for(advert.source, interfaces, outside);
        }
    }

    pub(super) fn send_advert<K: Kernel>(
        &mut self,
        priority: u8,
        interfaces: &Interfaces,
        outside: &mut Outside<K>,
    ) {
        let link = interfaces.by_name(&self.config.interface);
        // Without either the instance is in FAULT, and nobody could hear it.
        let (Some(index), Some(source)) = (link.map(|link| link.index), self.source()) else {
            return;
        };
        // One number for the copies to all peers.
        let since_1970 = self.time_of_day(outside);
        let signs = self.expected.signing_key().is_some();
        let hmac = self.expected.auth_hmac.as_ref().filter(|_| signs);
        self.hmac_sequence = hmac.map(|hmac| self.hmac.next(hmac, since_1970));
        if self.expected.is_unicast() {
            for place in 0..self.expected.peers.len() {
                if let Some(peer) = self.expected.peers.get(place).copied() {
                    self.send_to(peer.address, source, priority, index, outside);
                }
            }
        } else {
            self.send_to(self.config.mcast_dst_ip, source, priority, index, outside);
        }
    }

    /// Bytes of an advert, IP header included.
    pub(in crate::vrrp::router) fn advert_len(&self) -> u32 {
        let headers = match self.config.family {
            Family::V4 => ipv4::HEADER_LEN + AUTH_DATA_LEN,
            Family::V6 => ipv6::HEADER_LEN,
        };
        let ah = if self.config.has_ah() {
            ah::HEADER_LEN
        } else {
            0
        };
        let hmac = self.expected.auth_hmac.as_ref();
        let trailer = hmac.map_or(0, |_| hmac::TRAILER_LEN);
        let address = self.config.family.address_len().bytes();
        let addresses = self.expected.addresses.len() * address;
        let length = headers + ah + vrrp::HEADER_LEN + addresses + trailer;
        u32::try_from(length).unwrap_or(u32::MAX)
    }

    fn send_to<K: Kernel>(
        &mut self,
        destination: IpAddr,
        source: IpAddr,
        priority: u8,
        index: u32,
        outside: &mut Outside<K>,
    ) {
        self.build(destination, source, priority);
        let channel = self.channel();
        match outside
            .kernel
            .send_advert(index, channel, destination, &self.packet)
        {
            Ok(()) => {
                self.mute = false;
                self.board.counters.sent(priority);
            }
            Err(_said_before) if self.mute => {}
            Err(error) => {
                self.mute = true;
                error!(
                    "({}) Cant send advert to {destination} ({error})",
                    self.config.name
                );
            }
        }
    }

    /// Asked only where it is needed.
    fn time_of_day<K: Kernel>(&self, outside: &mut Outside<K>) -> Duration {
        match self.expected.auth_hmac {
            Some(_) => outside.kernel.since_1970(),
            None => Duration::ZERO,
        }
    }

    /// `auth_hmac`: the trailer behind the advert.
    fn sign(&mut self, start: usize, source: IpAddr, destination: IpAddr) {
        let Some((sequence, key)) = self.hmac_sequence.zip(self.expected.signing_key()) else {
            return;
        };
        let binding = hmac::Binding {
            source,
            version: self.expected.version.number(),
            vrid: self.expected.vrid,
        };
        hmac::append(&mut self.packet, start, binding, key, sequence);
        if source.is_ipv6()
            && let Some(advert) = self.packet.get_mut(start..)
        {
            // It covers the whole payload.
            let pseudo = PseudoHeader {
                source,
                destination,
            };
            write_checksum(advert, Some(&pseudo));
        }
    }

    /// The whole packet, into `self.packet`.
    fn build(&mut self, destination: IpAddr, source: IpAddr, priority: u8) {
        let has_ah = self.config.has_ah();
        let ip_len = match source {
            IpAddr::V4(_) => ipv4::HEADER_LEN,
            IpAddr::V6(_) => ipv6::HEADER_LEN,
        };
        let headers = ip_len + if has_ah { ah::HEADER_LEN } else { 0 };
        self.packet.clear();
        self.packet.resize(headers, 0);
        Repr {
            vrid: self.expected.vrid,
            priority,
            addresses: &self.expected.addresses,
            version: self
                .expected
                .version_repr(source, destination, self.old_checksum),
        }
        .emit(&mut self.packet);
        self.sign(headers, source, destination);
        let payload_len = u16::try_from(self.packet.len() - ip_len).unwrap_or(0);
        let ttl = if self.expected.is_unicast() {
            self.config.unicast_ttl
        } else {
            TTL
        };
        match (source, destination) {
            (IpAddr::V4(source), IpAddr::V4(destination)) => {
                // Zero would make the kernel choose one.
                self.identification = self.identification.wrapping_add(1).max(1);
                let header = ipv4::Repr {
                    identification: self.identification,
                    ttl,
                    protocol: if has_ah { PROTOCOL_AH } else { PROTOCOL },
                    source,
                    destination,
                    payload_len,
                };
                put(&mut self.packet, 0, &header.to_bytes());
                if let Some(key) = self.expected.ah_key() {
                    // It would take the two of us 136 years at one advert a second to come round.
                    let sequence = self.sequence.unwrap_or(0).wrapping_add(1);
                    self.sequence = Some(sequence);
                    put(&mut self.packet, ip_len, &ah::header(source, sequence));
                    ah::sign(&mut self.packet, key);
                }
            }
            (IpAddr::V6(source), IpAddr::V6(destination)) => {
                let header = ipv6::Repr {
                    traffic_class: ipv6::TRAFFIC_CLASS_INTERNETWORK_CONTROL,
                    hop_limit: ttl,
                    next_header: PROTOCOL,
                    source,
                    destination,
                    payload_len,
                };
                put(&mut self.packet, 0, &header.to_bytes());
            }
            // Settings are of one family.
            (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => {}
        }
    }
}

fn put(packet: &mut [u8], at: usize, bytes: &[u8]) {
    if let Some(place) = packet.get_mut(at..at + bytes.len()) {
        place.copy_from_slice(bytes);
    }
}
