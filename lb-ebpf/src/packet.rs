//! A packet in memory: the only place with pointer arithmetic.
//!
//! Headers are read and written as whole words although nothing in a packet is aligned: the
//! machines that have XDP load unaligned words, and the verifier allows it there. What looks
//! like `read_unaligned` would become a load for each byte.

use core::arch::asm;

use aya_ebpf::bindings::xdp_md;
use aya_ebpf::programs::XdpContext;

/// Length of an Ethernet header without tags.
pub(crate) const ETHERNET: usize = 14;

/// `EtherType` of IPv4 as it stands in the packet.
pub(crate) const IPV4: u16 = 0x0800_u16.to_be();

/// `EtherType` of IPv6 as it stands in the packet.
pub(crate) const IPV6: u16 = 0x86dd_u16.to_be();

/// Ethernet header.
#[repr(C)]
pub(crate) struct Ethernet {
    /// Destination, then source: as two words and a half each would not save a store.
    pub(crate) dst: [u16; 3],
    pub(crate) src: [u16; 3],
    pub(crate) ether_type: u16,
}

/// IPv4 header without options (RFC 791 3.1). Numbers are in network byte order.
#[repr(C)]
pub(crate) struct Ipv4 {
    pub(crate) version_ihl: u8,
    pub(crate) tos: u8,
    pub(crate) total_length: u16,
    pub(crate) id: u16,
    pub(crate) fragment: u16,
    pub(crate) ttl: u8,
    pub(crate) protocol: u8,
    pub(crate) checksum: u16,
    pub(crate) source: u32,
    pub(crate) destination: u32,
}

/// IPv6 header (RFC 8200 3). Numbers are in network byte order.
#[repr(C)]
pub(crate) struct Ipv6 {
    /// Version, traffic class and flow label.
    pub(crate) version: u32,
    pub(crate) payload_length: u16,
    pub(crate) next_header: u8,
    pub(crate) hop_limit: u8,
    pub(crate) source: [u32; 4],
    pub(crate) destination: [u32; 4],
}

/// What TCP and UDP have in common.
#[repr(C)]
pub(crate) struct Ports {
    pub(crate) source: u16,
    pub(crate) destination: u16,
}

/// TCP header without options (RFC 9293 3.1).
#[repr(C)]
pub(crate) struct Tcp {
    pub(crate) ports: Ports,
    pub(crate) sequence: u32,
    pub(crate) acknowledgment: u32,
    pub(crate) offset: u8,
    pub(crate) flags: u8,
    pub(crate) window: u16,
    pub(crate) checksum: u16,
    pub(crate) urgent: u16,
}

/// UDP header (RFC 768).
#[repr(C)]
pub(crate) struct Udp {
    pub(crate) ports: Ports,
    pub(crate) length: u16,
    pub(crate) checksum: u16,
}

/// ICMP header (RFC 792).
#[repr(C)]
pub(crate) struct Icmp {
    pub(crate) kind: u8,
    pub(crate) code: u8,
    pub(crate) checksum: u16,
    /// Depends on the kind.
    pub(crate) rest: u32,
}

/// First and last byte of the packet, as the kernel gave them. Stale after the head is moved.
#[derive(Clone, Copy)]
pub(crate) struct Packet {
    start: usize,
    end: usize,
}

impl Packet {
    /// The packet as it is now.
    #[inline(always)]
    pub(crate) fn new(ctx: &XdpContext) -> Self {
        Self {
            start: ctx.data(),
            end: ctx.data_end(),
        }
    }

    /// The same, for a loop: the compiler would load the lower halves of both pointers in front of it
    /// and make pointers of them within, where the verifier takes them for numbers.
    #[inline(always)]
    pub(crate) fn for_a_loop(ctx: *mut xdp_md) -> Self {
        let (start, end): (usize, usize);
        // SAFETY: two words of the context, which the kernel extends to pointers.
        unsafe {
            asm!("{0} = *(u32 *)({1} + 0)", out(reg) start, in(reg) ctx);
            asm!("{0} = *(u32 *)({1} + 4)", out(reg) end, in(reg) ctx);
        }
        Self { start, end }
    }

    /// A `T` at `offset`, if all of it lies in the packet.
    ///
    /// The pointer is good until the head of the packet is moved.
    #[inline(always)]
    pub(crate) fn at<T>(self, offset: usize) -> Option<*mut T> {
        let at = self.start + offset;
        if at + size_of::<T>() > self.end {
            return None;
        }
        Some(at as *mut T)
    }

    /// A `T` so many bytes behind the beginning of the IP header, if all of it lies in the packet.
    #[inline(always)]
    pub(crate) fn behind_ip<T>(self, offset: u64) -> Option<*mut T> {
        self.at(ETHERNET + offset as usize)
    }

    /// As [`Self::behind_ip`], of a header that was found before. Not by the same pointer: what holds one
    /// while it does something else is verified once for each place that the header may have.
    #[inline(always)]
    pub(crate) fn behind_ip_again<T>(self, mut offset: u64) -> Option<*mut T> {
        // SAFETY: it does nothing, but the compiler does not know that this is the number from before.
        unsafe { asm!("{0} = {0}", inout(reg) offset) };
        self.behind_ip(offset)
    }

    /// Bytes from `header` to the end of the frame.
    #[inline(always)]
    pub(crate) fn behind<T>(self, header: *const T) -> u64 {
        (self.end - header as usize) as u64
    }
}
