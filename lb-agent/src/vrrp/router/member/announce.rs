//! Where the addresses are: said by gratuitous ARP and neighbour advertisements, and asked.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Instant;

use tracing::{debug, info, warn};

use super::{Interfaces, Member, Outside};
use crate::vrrp::effects::Kernel;
use crate::vrrp::instance::{Input, Rival};
use crate::vrrp::pace;
use crate::vrrp::settings::Family;
use crate::wire::{arp, ndisc};

impl Member {
    pub(super) fn announce<K: Kernel>(
        &self,
        place: usize,
        first: bool,
        interfaces: &Interfaces,
        outside: &mut Outside<K>,
        now: Instant,
    ) {
        let Some(config) = self.addresses.get(place) else {
            return;
        };
        let (address, dev) = (config.address.addr(), &config.dev);
        if first {
            let name = &self.config.name;
            let what = kind(address);
            info!("({name}) Sending/queueing {what}s on {dev} for {address}");
        }
        send((self.place, dev, address), interfaces, outside, now);
    }

    pub(super) fn announce_source<K: Kernel>(
        &self,
        interfaces: &Interfaces,
        outside: &mut Outside<K>,
        now: Instant,
    ) {
        if let Some(source) = self.source() {
            let what = (self.place, self.config.interface.as_str(), source);
            send(what, interfaces, outside, now);
        }
    }

    /// Asks who else has our addresses: `again` first, then so many `others`, each in its turn.
    pub(super) fn probe<K: Kernel>(
        &mut self,
        again: Option<IpAddr>,
        others: usize,
        interfaces: &Interfaces,
        outside: &mut Outside<K>,
    ) {
        let count = self.addresses.iter().count();
        let place_of = |address: IpAddr| {
            let mut addresses = self.addresses.iter();
            addresses.position(|(it, _)| it.address.addr() == address)
        };
        let again = again.and_then(place_of);
        if let Some(place) = again {
            self.ask_who_has(place, interfaces, outside);
        }
        let mut asked = 0;
        // Once round at most: one address must not be asked for twice, and answer twice.
        for _ in 0..count {
            if asked == others {
                break;
            }
            let place = if self.probe < count { self.probe } else { 0 };
            self.probe = place + 1;
            if Some(place) != again && self.ask_who_has(place, interfaces, outside) {
                asked += 1;
            }
        }
    }

    /// Asks who else has the address at this place; false: nobody can be asked.
    fn ask_who_has<K: Kernel>(
        &self,
        place: usize,
        interfaces: &Interfaces,
        outside: &mut Outside<K>,
    ) -> bool {
        let Some(config) = self.addresses.get(place) else {
            return false;
        };
        let Some(link) = interfaces.by_name(&config.dev) else {
            return false;
        };
        let frame = match (config.address.addr(), self.source()) {
            // RFC 5227 2.1.1: sender address zero, so that nobody's cache is touched.
            (IpAddr::V4(address), _) => {
                Frame::Arp(arp::request(link.mac, Ipv4Addr::UNSPECIFIED, address))
            }
            (IpAddr::V6(address), Some(IpAddr::V6(source))) => {
                Frame::Ndisc(ndisc::solicitation(link.mac, source, address))
            }
            // An excluded address of the other family: there is no address to ask from.
            (IpAddr::V6(_), Some(IpAddr::V4(_)) | None) => return false,
        };
        frame.send(link.index, outside);
        true
    }

    /// Asks where another router is.
    pub(super) fn ask_for<K: Kernel>(
        &self,
        address: IpAddr,
        interfaces: &Interfaces,
        outside: &mut Outside<K>,
    ) {
        let Some(link) = interfaces.by_name(&self.config.interface) else {
            return;
        };
        let frame = match (address, self.source()) {
            (IpAddr::V4(address), Some(IpAddr::V4(source))) => {
                Frame::Arp(arp::request(link.mac, source, address))
            }
            (IpAddr::V6(address), Some(IpAddr::V6(source))) => {
                Frame::Ndisc(ndisc::solicitation(link.mac, source, address))
            }
            (IpAddr::V4(_) | IpAddr::V6(_), _) => return,
        };
        frame.send(link.index, outside);
    }

    /// Somebody says it has this address. What we did not ask for is no matter of ours.
    pub(in crate::vrrp::router) fn handle_answer<K: Kernel>(
        &mut self,
        address: IpAddr,
        mac: [u8; 6],
        interfaces: &Interfaces,
        outside: &mut Outside<K>,
        now: Instant,
    ) {
        if let Some((lower, place)) = &mut self.lower
            && *lower == address
        {
            *place = Some(mac);
        }
        let is_ours = self.machine.holds_addresses() && self.has_virtual(address);
        if is_ours && !interfaces.has_mac(mac) {
            let rival = Rival::Answers { address, mac };
            self.handle(Input::Rival(rival), interfaces, outside, now);
        }
    }
}

const fn kind(address: IpAddr) -> &'static str {
    match address {
        IpAddr::V4(_) => "gratuitous ARP",
        IpAddr::V6(_) => "unsolicited NA",
    }
}

enum Frame {
    Arp([u8; arp::FRAME_LEN]),
    Ndisc([u8; ndisc::FRAME_LEN]),
}

impl Frame {
    fn send<K: Kernel>(&self, index: u32, outside: &mut Outside<K>) {
        let bytes: &[u8] = match self {
            Self::Arp(bytes) => bytes,
            Self::Ndisc(bytes) => bytes,
        };
        if let Err(error) = outside.kernel.send_frame(index, bytes) {
            debug!("cannot ask on interface number {index}: {error}");
        }
    }
}

/// Says where an address of the instance at `place` is, as soon as the pace of its interface allows.
fn send<K: Kernel>(
    (place, dev, address): (usize, &str, IpAddr),
    interfaces: &Interfaces,
    outside: &mut Outside<K>,
    now: Instant,
) {
    let Some(link) = interfaces.by_name(dev) else {
        return;
    };
    let what = kind(address);
    let (arp, advertisement);
    let frame: &[u8] = match address {
        IpAddr::V4(address) => {
            arp = arp::gratuitous(link.mac, address);
            &arp
        }
        IpAddr::V6(address) => {
            let router = interfaces.is_router(link.index);
            advertisement = ndisc::unsolicited_advertisement(link.mac, address, router);
            &advertisement
        }
    };
    let family = Family::of(address);
    if !outside.pace.may_send(dev, family, now) {
        let waits = pace::Frame {
            index: link.index,
            instance: place,
            bytes: frame.to_vec(),
        };
        return outside.pace.wait(dev, family, waits);
    }
    debug!("Sending {what} on {dev} for {address}");
    if let Err(error) = outside.kernel.send_frame(link.index, frame) {
        warn!("Error sending {what} on {dev} for {address}: {error}");
    }
}
