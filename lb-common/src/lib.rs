//! What crosses the kernel boundary: the records that the agent writes and the XDP program reads
//! (and the other way round), and the little arithmetic that both must do alike.
//!
//! | map | type | written by | read by | record |
//! | --- | --- | --- | --- | --- |
//! | `CONTROL` | array of 1, mmap | agent | program, per packet | [`control::Control`] |
//! | `SERVICES4` | array, mmap | agent | program, per packet | [`service::ServiceBucket`] |
//! | `SERVICES6` | array, mmap | agent | program, per packet | [`service::ServiceBucket6`] |
//! | `SERVICE_INFO` | array | agent | program, new flows; `dump` | [`service::ServiceInfo`] |
//! | `BACKENDS` | array, mmap | agent | program, per packet | [`backend::Backend`] |
//! | `SCHEDULES` | array of arrays | agent | program, new flows | [`schedule`] |
//! | `POLICIES` | array | agent | program, new flows | [`policy::Policy`] |
//! | `LOADS` | array, mmap | program; agent | program, new flows of counted services | [`load::Load`] |
//! | `LOCALITY` | LRU hash | program | program, new flows of `lblc` and `lblcr` | [`locality::LocalityKey`] → [`locality::Locality`] |
//! | `RATES` | array | program | program, new flows of limited services | [`policy::Rate`] |
//! | `SOURCES` | array, mmap | program; agent | program, new flows of limited services | [`policy::source_counters`] |
//! | `CURSORS` | per-CPU array | program | program, new flows | `u32` |
//! | `AFFINITY4` | LRU hash | program | program, new flows | [`affinity::AffinityKey4`] → [`affinity::Affinity`] |
//! | `AFFINITY6` | LRU hash | program | program, new flows | [`affinity::AffinityKey6`] → [`affinity::Affinity`] |
//! | `PENDING4`, `PENDING6` | LRU hash | program | program, new flows | as `AFFINITY4`, `AFFINITY6` |
//! | `FRAGMENTS4` | LRU hash | program | program, fragments | [`fragment::FragmentKey4`] → [`fragment::First`] |
//! | `FRAGMENTS6` | LRU hash | program | program, fragments | [`fragment::FragmentKey6`] → [`fragment::First`] |
//! | `FLOWS4` | array, mmap | program | program, per packet; agent | [`flow::FlowBucket`] |
//! | `FLOWS6` | array, mmap | program | program, per packet; agent | [`flow::FlowBucket6`] |
//! | `BACKEND_STATS` | per-CPU array | program | agent, `dump` | [`stats::Traffic`] |
//! | `RETIRED_STATS` | array | agent | `dump` | [`stats::Traffic`] |
//! | `REASONS` | per-CPU array | program | agent, `dump` | `u64` by [`stats::Reason`] |
//! | `ANSWERS` | per-CPU array | program | program, packets off the common way | [`answers::Answers`] by [`answers`] |
//! | `ASKED6` | per-CPU array of 1 | program | program, new flows of IPv6 | [`asked::Asked6`] |
//! | `TUNNELLED` | per-CPU array of 1 | program | program, packets in most tunnels | [`tunnelled::Tunnelled`] |
//! | `VLANS` | hash | agent | program, tagged frames | [`vlan::VlanKey`] → interface index |
//! | `TAGGED` | per-CPU array of 1 | program | program, tagged frames | [`vlan::Tagged`] |
//! | `UNRESOLVED` | perf event array | program | agent | [`unresolved::Unresolved`] and a frame |
//! | `PROGRAMS` | program array | agent | program, per packet | [`program`] |
//! | `TRACE_FILTER`, `TRACE_PACKET`, `TRACE_EVENTS` | array of 1, per-CPU array of 1, ring buffer | `trace`; program; program | program; program; `trace` | [`trace::Filter`], [`trace::Notes`], [`trace::Event`] |
//! | `EGRESS` | device map | agent | program | interface index |
//!
//! Every record is [`bytemuck::Pod`]: the derive refuses padding, so nothing unset reaches the
//! kernel and keys compare byte by byte. What is an enum in Rust is a number here and is
//! converted where it is used.
//!
//! Fields named `addr` and `port` are in network byte order, exactly as they stand in the packet;
//! the constructors take and give [`core::net`] types.
#![no_std]
#![forbid(unsafe_code)]
#![expect(
    clippy::inline_always,
    reason = "calls that remain in the BPF program cost time on each packet, and stack"
)]
#![expect(
    clippy::cast_possible_truncation,
    reason = "fields are cut out of words on purpose; `TryFrom` is not const"
)]

#[cfg(test)]
extern crate std;

pub mod address6;
pub mod affinity;
pub mod answers;
pub mod asked;
pub mod backend;
pub mod bench;
pub mod checksum;
pub mod control;
pub mod crc32c;
pub mod filter;
pub mod flow;
pub mod fragment;
pub mod hash;
pub mod ipvs_hash;
pub mod limits;
pub mod load;
pub mod locality;
pub mod policy;
pub mod program;
pub mod schedule;
pub mod service;
pub mod station;
pub mod stats;
pub mod trace;
pub mod tunnelled;
pub mod unresolved;
pub mod vlan;

/// Version of every record and map of this crate. It stands in the pin path
/// (`/sys/fs/bpf/lb-agent/<instance>/v<ABI_VERSION>`), so two versions never share a map.
pub const ABI_VERSION: u32 = 11;
