//! Which frames are for this host, and how they leave it by VLANs.
//!
//! A card in promiscuous mode also brings what is for others, and so does a switch that floods what
//! it does not know the port of: frames that another director has just sent to a real server, for
//! one. Their destination address tells.

use bytemuck::{Pod, Zeroable};

/// Places of the table, a power of two. Interfaces whose indexes agree in the last bits share one,
/// and all but one of them are not known.
pub const PLACES: usize = 64;

/// Part of [`crate::control::Control`]: the Ethernet addresses of the interfaces that the program
/// runs on. Of an interface that is not known any destination counts as ours; on the port of a bond
/// the program runs under an index of its own.
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
#[repr(C)]
pub struct Stations {
    places: [u64; PLACES],
}

/// The bit of an Ethernet address that makes it a group's (IEEE 802), in the first word of a frame.
pub const GROUP: u64 = 1;

/// The addresses of virtual routers, 00-00-5E-00-01-VRID (IPv4) and 00-00-5E-00-02-VRID (IPv6)
/// without the VRID (RFC 9568 7.3), as a frame begins with them.
const VIRTUAL_ROUTERS: [u64; 2] = [0x01_00_5e_00_00, 0x02_00_5e_00_00];

impl Stations {
    /// Nothing is known.
    #[must_use]
    pub const fn empty() -> Self {
        Self {
            places: [0; PLACES],
        }
    }

    /// The table of these interfaces: indexes and addresses.
    #[must_use]
    pub fn of(interfaces: impl IntoIterator<Item = (u32, [u8; 6])>) -> Self {
        let mut table = Self::empty();
        for (ifindex, mac) in interfaces {
            if let Some(place) = table.places.get_mut(place(ifindex)) {
                *place = word(ifindex, mac);
            }
        }
        table
    }

    /// Whether a frame to `destination` that has come in by the interface `ifindex` is for this
    /// host. `destination` is the first word of the frame, whose last two bytes do not matter.
    #[inline(always)]
    #[must_use]
    pub fn is_for_us(&self, ifindex: u32, destination: u64) -> bool {
        let held = self.places.get(place(ifindex)).copied().unwrap_or(0);
        held << 16 == destination << 16
            || (held >> 48) as u16 != ifindex as u16
            || held == 0
            || VIRTUAL_ROUTERS.contains(&(destination & 0xff_ffff_ffff))
    }
}

/// Part of [`crate::control::Control`]: the interfaces that are VLANs of others, by which routes lead,
/// and how frames leave by these.
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
#[repr(C)]
pub struct Vlans {
    places: [u64; PLACES],
}

/// A VLAN as an interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Vlan {
    /// Its index.
    pub ifindex: u32,
    /// The interface that carries the tagged frames.
    pub parent: u32,
    /// Control information of the tag, network byte order; not 0.
    pub tag: u16,
}

impl Vlans {
    /// The table of these interfaces. Of two in one place the later one is known.
    #[must_use]
    pub fn of(vlans: impl IntoIterator<Item = Vlan>) -> Self {
        let mut table = Self {
            places: [0; PLACES],
        };
        for vlan in vlans {
            if let Some(place) = table.places.get_mut(place(vlan.ifindex)) {
                let ours = u64::from(vlan.ifindex & 0xffff) << 48;
                *place = u64::from(vlan.parent) | u64::from(vlan.tag) << 32 | ours;
            }
        }
        table
    }

    /// By which interface a frame leaves that is to leave by `ifindex`, and with which tag; 0: none.
    #[inline(always)]
    #[must_use]
    pub fn way(&self, ifindex: u32) -> (u32, u16) {
        let held = self.places.get(place(ifindex)).copied().unwrap_or(0);
        if held != 0 && (held >> 48) as u16 == ifindex as u16 {
            (held as u32, (held >> 32) as u16)
        } else {
            (ifindex, 0)
        }
    }
}

#[inline(always)]
const fn place(ifindex: u32) -> usize {
    ifindex as usize & (PLACES - 1)
}

/// An address as a frame begins with it, and the last bits of the interface's index.
fn word(ifindex: u32, mac: [u8; 6]) -> u64 {
    let mut bytes = [0; 8];
    for (byte, of_mac) in bytes.iter_mut().zip(mac) {
        *byte = of_mac;
    }
    u64::from_le_bytes(bytes) | u64::from(ifindex & 0xffff) << 48
}

#[cfg(test)]
mod tests;
