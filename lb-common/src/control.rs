//! The one page through which the agent steers the program without a system call.

use bytemuck::{Pod, Zeroable};

use crate::filter::AddressFilter;
use crate::flow::{FLOW_STATES, TICK_SHIFT, state};
use crate::limits::MAX_GATES;
use crate::station::Stations;

/// The gate of services whose address belongs to no VRRP instance. It is always armed, as such
/// services are in LVS.
pub const GATE_ALWAYS: u16 = 0;

/// Without a heartbeat for so long, connections have not been counted either: the agent does both
/// once a second.
pub const CENSUS_SECONDS: u64 = 5;

/// The single record of `CONTROL`.
///
/// `heartbeat` and `deadman` are jiffies: `bpf_jiffies64` is one load, a clock in nanoseconds a call
/// that reads the hardware.
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
#[repr(C)]
pub struct Control {
    /// Jiffies of the agent's last sign of life, written by the `heartbeat` program.
    pub heartbeat: u64,
    /// After so many jiffies without a heartbeat nothing is forwarded any more; 0 = never.
    pub deadman: u64,
    /// Jiffies in a second, for who reads the times in the maps; the program does not care.
    pub hertz: u64,
    /// Random key of every hash, so that nobody outside can choose a bucket.
    pub secret: u64,
    /// Not zero: every packet goes to the programs that tell what becomes of it ([`crate::trace`]),
    /// up to this second of the monotonic clock.
    pub trace: u32,
    /// Zero.
    pub pad: u32,
    /// After so many ticks `lblc` and `lblcr` forget a destination.
    pub locality_ticks: u32,
    /// After so many ticks without a heartbeat nobody goes by the counts of connections any more:
    /// the program adds to them, and only the agent takes away.
    pub census_ticks: u32,
    /// Life of a flow in ticks of [`crate::flow::TICK_SHIFT`], by [`crate::flow::state`].
    pub timeouts: [u32; FLOW_STATES],
    /// Which addresses can be ours at all.
    pub filter: AddressFilter,
    /// Not zero: the instance of this gate is MASTER and its services are forwarded.
    pub armed: [u32; MAX_GATES],
    /// Which frames are for this host.
    pub stations: Stations,
}

impl Control {
    /// Byte offset of `armed` in the record, for who maps it.
    pub const ARMED_OFFSET: usize = core::mem::offset_of!(Self, armed);

    /// Whether the agent has been silent for longer than `deadman` at the jiffies `now`. A
    /// heartbeat that is ahead of `now` is none of long ago: its CPU has read the clock later.
    #[inline(always)]
    #[must_use]
    pub const fn is_silent(&self, now: u64) -> bool {
        let silent = now.wrapping_sub(self.heartbeat);
        // The first comparison alone tells a living agent.
        silent > self.deadman && self.deadman != 0 && silent <= u64::MAX / 2
    }

    /// After so many ticks of silence a half-closed connection may be over, and one of which only the
    /// handshake was seen may never have been ([`crate::flow::eviction`]): as long as IPVS waits for a
    /// last ACK.
    #[inline(always)]
    #[must_use]
    #[expect(clippy::indexing_slicing, reason = "there is room for every state")]
    pub const fn patience(&self) -> u32 {
        self.timeouts[state::LAST_ACK as usize]
    }

    /// Whether the agent has counted connections lately, at `tick`.
    #[inline(always)]
    #[must_use]
    pub const fn has_census(&self, tick: u32) -> bool {
        let silent = tick.wrapping_sub((self.heartbeat >> TICK_SHIFT) as u32);
        silent <= self.census_ticks || silent > u32::MAX / 2
    }
}

#[cfg(test)]
mod tests;
