//! SCTP: the same decision as [`crate::balance`], in a program of its own, so that TCP and UDP do not
//! pay for it. [`crate::family::Family::SCTP`] says where it differs on the way.
//!
//! What moves a flow is the type of a packet's first chunk (`lb_common::flow::sctp`); a program of SCTP
//! has it where one of TCP has the flags. The checksum covers ports and data, but no address
//! (RFC 9260 6.8). In NAT mode it is mended from the change of the port and the length alone, of which
//! a fragment does not tell that of its packet: the first one goes on only if its port stays. Associations
//! of several addresses (RFC 9260 6.4) are as many flows, as in IPVS.

use core::arch::asm;

use aya_ebpf::bindings::xdp_action::XDP_PASS;
use aya_ebpf::programs::XdpContext;
use lb_common::backend::flags;
use lb_common::crc32c;
use lb_common::flow::sctp::chunk::{ABORT, COOKIE_ACK, COOKIE_ECHO};
use lb_common::program;
use lb_common::service::ServiceInfo;
use lb_common::stats::Reason;

use crate::backends::Slot;
use crate::balance::from_client;
use crate::maps::{CONTROL, PROGRAMS};
use crate::packet::{ETHERNET, Ipv4, Packet, Ports};
use crate::parse::{Headers, Refused};
use crate::replies;

/// The common header (RFC 9260 3.1), and the head of the first chunk: a packet without one is none.
#[repr(C)]
pub(crate) struct Sctp {
    ports: Ports,
    tag: u32,
    /// Least significant byte first.
    checksum: u32,
    chunk: Chunk,
}

/// Head of a chunk (RFC 9260 3.2).
#[repr(C)]
struct Chunk {
    kind: u8,
    flags: u8,
    /// With the head, without padding; network byte order.
    length: u16,
}

/// Further from the beginning of the frame nobody looks for a second chunk: no cookie is so long.
const FARTHEST: usize = 4096;

/// Hands the packet over to the program for SCTP. If there is none, the kernel gets it.
#[inline(always)]
pub(crate) fn hand_over<const TRACED: bool>(ctx: &XdpContext) -> u32 {
    // SAFETY: nothing here waits to be dropped. If there is no program it returns.
    unsafe {
        if TRACED {
            PROGRAMS.tail_call(ctx, program::TRACE_SCTP);
            // Who traces has just gone.
        }
        PROGRAMS.tail_call(ctx, program::SCTP);
    }
    XDP_PASS
}

/// The verdict for a packet of SCTP, which the program before takes for one to a service or from a server.
#[inline(always)]
pub(crate) fn balance<const TRACED: bool>(ctx: &XdpContext) -> u32 {
    let packet = Packet::new(ctx);
    let (Some(ip), Some(control)) = (packet.at::<Ipv4>(ETHERNET), CONTROL.get(0)) else {
        return XDP_PASS;
    };
    // SAFETY: `at` checked the header.
    let (source, destination) = unsafe { ((*ip).source, (*ip).destination) };
    if control.filter.may_be_destination(destination) {
        match from_client::<TRACED, true>(ctx, packet, control, ip) {
            Ok(verdict) => return verdict,
            Err(Refused::NotOurs) => {}
            Err(refused) => return refused.verdict(),
        }
    }
    if control.filter.may_be_source(source) {
        return replies::from_server::<true>(ctx.ctx, control);
    }
    XDP_PASS
}

/// The headers that stand so many bytes from the beginning of the frame.
#[inline(always)]
pub(crate) fn header(packet: Packet, at: usize) -> Option<*mut Sctp> {
    packet.at::<Sctp>(at)
}

/// The type of the chunk that counts, of a packet whose headers stand at `at` and which ends at `end`: an
/// ABORT behind a cookie or its answer, as in IPVS, else the first chunk.
#[inline(always)]
pub(crate) fn chunk(packet: Packet, at: usize, end: usize, sctp: *const Sctp) -> u8 {
    // SAFETY: `header` checked the headers.
    let (first, length) = unsafe {
        (
            (*sctp).chunk.kind,
            usize::from(u16::from_be((*sctp).chunk.length)),
        )
    };
    if (first != COOKIE_ECHO && first != COOKIE_ACK) || length < size_of::<Chunk>() {
        return first;
    }
    let mut second = at + size_of::<Sctp>() - size_of::<Chunk>() + ((length + 3) & !3);
    let mut end = end;
    // SAFETY: it does nothing, but the compiler knows that no packet ends behind its frame, and the
    // verifier does not: without it there would be one comparison less.
    unsafe { asm!("{0} = {0}", inout(reg) end) };
    if second > FARTHEST || second + size_of::<Chunk>() > end {
        return first;
    }
    // SAFETY: nothing further than `FARTHEST` has come so far. Kernels before 6.3 forget that when the
    // number has been on the stack.
    unsafe { asm!("{0} &= 8191", inout(reg) second) };
    match packet.at::<Chunk>(second) {
        // SAFETY: `at` checked the head.
        Some(chunk) if unsafe { (*chunk).kind } == ABORT => ABORT,
        _ => first,
    }
}

/// Whether the first fragment of a client's packet may go on to its server.
#[inline(always)]
pub(crate) fn pass_fragment_to_server(headers: &Headers, slot: &Slot) -> Result<(), Reason> {
    let nat = slot.head.flags() & flags::METHOD == flags::NAT;
    // SAFETY: `parse` checked the headers.
    if nat && unsafe { (*headers.ports).destination } != slot.rest().port {
        return Err(Reason::SctpFragment);
    }
    Ok(())
}

/// Whether the first fragment of a server's packet may go on to the client.
#[inline(always)]
pub(crate) fn pass_fragment_to_client(
    headers: &Headers,
    service: &ServiceInfo,
) -> Result<(), Reason> {
    // SAFETY: `parse` checked the headers.
    if unsafe { (*headers.ports).source } != service.key.port {
        return Err(Reason::SctpFragment);
    }
    Ok(())
}

/// Which port has changed: where its bits stand in the first word of the header.
pub(crate) const SOURCE: u32 = 0;
/// The other one.
pub(crate) const DESTINATION: u32 = 16;

/// Mends the checksum after a port has changed by `change`, old XOR new.
///
/// # Safety
///
/// `parse` has checked the headers, and the head has not moved since.
#[inline(always)]
pub(crate) unsafe fn mend(headers: &Headers, which: u32, change: u16) {
    // SAFETY: by contract.
    let header = unsafe { u64::from((*headers.ip).version_ihl & 0x0f) * 4 };
    let length = headers.length.wrapping_sub(header);
    // SAFETY: by contract.
    let checksum = unsafe { &mut (*headers.ports.cast::<Sctp>()).checksum };
    // 0: both ends know that it need not be there (RFC 9653), or a card is still to fill it in.
    if change != 0 && *checksum != 0 {
        *checksum ^= lb_crc32c(u32::from(change) << which, length as u32);
    }
}

/// [`crc32c::change`]. A global function: the verifier looks at it once, whoever calls it.
#[inline(never)]
#[unsafe(no_mangle)]
pub(crate) extern "C" fn lb_crc32c(change: u32, length: u32) -> u32 {
    crc32c::change(change, length as u16)
}
