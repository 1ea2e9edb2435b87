//! VLAN tags (IEEE 802.1Q 9.3), and which interface a tagged frame belongs to.
//!
//! A card's driver shows a native XDP program frames with their tags. The agent says of which interfaces
//! these are (`VLANS`); to all others the program does nothing.

use bytemuck::{Pod, Zeroable};

/// `EtherType` of a customer's tag, 802.1Q.
pub const CUSTOMER: u16 = 0x8100;

/// `EtherType` of a provider's tag, 802.1ad.
pub const SERVICE: u16 = 0x88a8;

/// Tags that a frame may have.
pub const MOST_TAGS: usize = 2;

/// Length of a tag, bytes.
pub const LENGTH: usize = 4;

/// Highest number of a VLAN (IEEE 802.1Q 9.6).
pub const LAST_ID: u16 = 4094;

/// A tag as it stands in a frame: its `EtherType`, then priority and number of the VLAN.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Pod, Zeroable)]
#[repr(transparent)]
pub struct Tag(u32);

impl Tag {
    /// None.
    pub const NONE: Self = Self(0);

    /// What is not priority.
    const VLAN: u32 = u32::from_ne_bytes([0xff, 0xff, 0x0f, 0xff]);

    /// The tag of a VLAN, without priority; `ether_type` is [`CUSTOMER`] or [`SERVICE`].
    #[must_use]
    pub const fn new(ether_type: u16, id: u16) -> Self {
        let ([a, b], [c, d]) = (ether_type.to_be_bytes(), (id & 0xfff).to_be_bytes());
        Self(u32::from_ne_bytes([a, b, c, d]))
    }

    /// What stands in a frame.
    #[inline(always)]
    #[must_use]
    pub const fn from_word(word: u32) -> Self {
        Self(word)
    }

    /// As it stands in a frame.
    #[inline(always)]
    #[must_use]
    pub const fn word(self) -> u32 {
        self.0
    }

    /// Without the priority: what a VLAN is known by.
    #[inline(always)]
    #[must_use]
    pub const fn vlan(self) -> Self {
        Self(self.0 & Self::VLAN)
    }

    /// Whether what stands there is a tag.
    #[inline(always)]
    #[must_use]
    pub const fn exists(self) -> bool {
        is_tag(self.0 as u16)
    }

    /// Its `EtherType`: [`CUSTOMER`] or [`SERVICE`], if it [exists](Self::exists).
    #[must_use]
    pub const fn ether_type(self) -> u16 {
        let [high, low, _, _] = self.0.to_ne_bytes();
        u16::from_be_bytes([high, low])
    }

    /// The number of the VLAN.
    #[must_use]
    pub const fn id(self) -> u16 {
        let [_, _, high, low] = self.0.to_ne_bytes();
        u16::from_be_bytes([high, low]) & 0xfff
    }
}

/// Whether an `EtherType`, as it stands in a frame, is that of a tag.
#[inline(always)]
#[must_use]
pub const fn is_tag(ether_type: u16) -> bool {
    ether_type == CUSTOMER.to_be() || ether_type == SERVICE.to_be()
}

/// Key of `VLANS`; the value is the index of the interface that such frames belong to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Pod, Zeroable)]
#[repr(C)]
pub struct VlanKey {
    /// The interface that the driver says the frame has come by; of a bond its port.
    pub ifindex: u32,
    /// The outer tag, without priority.
    pub outer: Tag,
    /// The inner one, or [`Tag::NONE`].
    pub inner: Tag,
}

/// A frame whose tags have been taken off, while the other programs have it: the value of `TAGGED`.
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
#[repr(C)]
pub struct Tagged {
    /// The interface that it belongs to; 0: the frame in hand had no tag.
    pub ifindex: u32,
    /// Not 0: it is an answer to its sender, and goes back as it came.
    pub answered: u32,
    /// The verdict, as an XDP action, if there is no program to look at it.
    pub verdict: u32,
}

#[cfg(test)]
mod tests;
