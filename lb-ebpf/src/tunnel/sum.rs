//! Sums for the checksums of tunnels (RFC 1071). What the packet's own checksum covers need not be read:
//! its sum is known.

use aya_ebpf::bindings::xdp_md;
use aya_ebpf::programs::XdpContext;
use lb_common::address6::Address6;
use lb_common::checksum::fold_wide;
use lb_common::service::{TCP, UDP};
use lb_common::stats::Reason;

use crate::packet::{ETHERNET, Packet, Udp};

/// The longest packet that is read.
const MOST: usize = 9216;
/// So much of it at a time.
const STEP: usize = 32;

/// A word as two halves that can be added up without a carry.
#[inline(always)]
pub(super) const fn halves(word: u64) -> u64 {
    (word & 0xffff_ffff) + (word >> 32)
}

/// The sum of an address.
#[inline(always)]
pub(super) const fn of_address(address: Address6) -> u64 {
    halves(address[0]) + halves(address[1])
}

/// Whether a checksum covers all of a packet of so many bytes from `start` on: UDP need not have one, and
/// its own length may be another.
#[inline(always)]
pub(super) fn is_covered(packet: Packet, protocol: u8, start: u64, length: u16) -> bool {
    if protocol == TCP {
        return true;
    }
    let Some(udp) = packet.behind_ip::<Udp>(start) else {
        return false;
    };
    // SAFETY: `behind_ip` checked the header.
    let (own, checksum) = unsafe { (u16::from_be((*udp).length), (*udp).checksum) };
    protocol == UDP && checksum != 0 && u64::from(own) + start == u64::from(length)
}

/// The sum of what such a checksum covers: together with that of the pseudo header (`addresses`, length,
/// protocol) it is nothing. Of a packet whose checksum is wrong this one will be as well, and it
/// is discarded a layer earlier.
#[inline(always)]
pub(super) fn covered(addresses: u64, length: u64, protocol: u8) -> u64 {
    let length = u64::from((length as u16).to_be());
    let pseudo = addresses + length + u64::from(u16::from(protocol).to_be());
    (!fold_wide(pseudo)).into()
}

/// The sum of all of a packet of so many bytes. Of a larger one nobody is told: it is a datagram without a
/// checksum, a fragment or an ICMP error, which few networks carry.
#[inline(always)]
pub(super) fn all(ctx: &XdpContext, length: u16) -> Result<u64, Reason> {
    if usize::from(length) > MOST {
        return Err(Reason::CannotFragment);
    }
    Ok(read(ctx.ctx, length.into()))
}

/// Reads so many bytes. A subprogram: few packets need it.
#[inline(never)]
fn read(ctx: *mut xdp_md, length: u32) -> u64 {
    let packet = Packet::for_a_loop(ctx);
    let mut sum = 0;
    for number in 0..MOST / STEP {
        if number >= length as usize / STEP {
            break;
        }
        let Some(words) = packet.at::<[u64; STEP / 8]>(ETHERNET + number * STEP) else {
            break;
        };
        // SAFETY: `at` checked the words.
        let [a, b, c, d] = unsafe { words.read() };
        sum += halves(a) + halves(b) + halves(c) + halves(d);
    }
    let mut at = ETHERNET + (length & 0x3fe0) as usize;
    if length & 16 != 0
        && let Some(words) = packet.at::<[u64; 2]>(at)
    {
        // SAFETY: as above.
        let [a, b] = unsafe { words.read() };
        sum += halves(a) + halves(b);
        at += 16;
    }
    if length & 8 != 0
        && let Some(word) = packet.at::<u64>(at)
    {
        // SAFETY: as above.
        sum += halves(unsafe { *word });
        at += 8;
    }
    if length & 4 != 0
        && let Some(word) = packet.at::<u32>(at)
    {
        // SAFETY: as above.
        sum += u64::from(unsafe { *word });
        at += 4;
    }
    if length & 2 != 0
        && let Some(half) = packet.at::<u16>(at)
    {
        // SAFETY: as above.
        sum += u64::from(unsafe { *half });
        at += 2;
    }
    if length & 1 != 0
        && let Some(last) = packet.at::<u8>(at)
    {
        // SAFETY: as above. What is missing of the last word counts as zero.
        sum += u64::from(u16::from_ne_bytes([unsafe { *last }, 0]));
    }
    sum
}
