//! What the program's maps take of the kernel's memory, before they are there.
//!
//! The kernel adds it up for each map since Linux 6.4 (`map_mem_usage`; `bpftool map show` calls it
//! memlock), and so do we, out of the object itself. Of the records that it puts in front of a map the
//! sizes are those of Linux 6.18; with other kernels they differ by some hundred bytes. Not in the sum:
//! the tables of the schedulers, which the agent makes for each virtual server
//! ([`crate::config::explain`] tells of them), and what packet buffers and the program's code take.

use std::fs;

use aya::util::nr_cpus;
use aya_obj::generated::bpf_map_type::{
    self, BPF_MAP_TYPE_ARRAY, BPF_MAP_TYPE_ARRAY_OF_MAPS, BPF_MAP_TYPE_DEVMAP_HASH,
    BPF_MAP_TYPE_HASH, BPF_MAP_TYPE_LRU_HASH, BPF_MAP_TYPE_PERCPU_ARRAY,
    BPF_MAP_TYPE_PERF_EVENT_ARRAY, BPF_MAP_TYPE_PROG_ARRAY, BPF_MAP_TYPE_RINGBUF,
};

use super::flow_tables::FlowTables;
use super::object::OBJECT;

/// Which packets a map is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum For {
    /// IPv4 alone.
    Ipv4,
    /// IPv6 alone.
    Ipv6,
    /// Both, or the agent.
    Both,
}

/// What one map takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Taken {
    /// Its name.
    pub name: String,
    /// Whose it is.
    pub family: For,
    /// Its entries; of a ring buffer its bytes.
    pub entries: u64,
    /// What it takes, bytes.
    pub bytes: u64,
}

/// `struct bpf_array`.
const ARRAY: u64 = 312;
/// `struct bpf_htab`.
const HASH: u64 = 896;
/// `struct htab_elem`.
const HASH_ELEMENT: u64 = 48;
/// `struct bucket`.
const HASH_BUCKET: u64 = 16;
/// `struct bpf_dtab`.
const DEVICES: u64 = 344;
/// `struct bpf_ringbuf_map`.
const RING: u64 = 304;
/// Pages in front of a ring buffer's data: the consumer's, the producer's, and its own.
const RING_PAGES: u64 = 3;
/// A pointer of the kernel's.
const POINTER: u64 = 8;
const PAGE: u64 = 4096;
/// `BPF_F_MMAPABLE`.
const MMAPABLE: u32 = 1 << 10;

/// All maps of the program, the largest first, on a machine that may have so many processors.
pub fn maps(tables: FlowTables, processors: u64) -> Vec<Taken> {
    // The object is part of this program, and a test reads it.
    let object = aya_obj::Object::parse(OBJECT).ok();
    let maps = object.into_iter().flat_map(|object| object.maps);
    let mut maps: Vec<Taken> = maps
        .map(|(name, map)| {
            let entries = tables.entries_of(&name);
            let entries = entries.unwrap_or_else(|| map.max_entries());
            // The array of perf events has none in the object: one for each processor.
            let entries = if entries == 0 {
                processors
            } else {
                entries.into()
            };
            let bytes = bytes(&map, entries, processors);
            let family = match name.as_bytes().last() {
                Some(b'4') => For::Ipv4,
                Some(b'6') => For::Ipv6,
                _ => For::Both,
            };
            Taken {
                name,
                family,
                entries,
                bytes,
            }
        })
        .collect();
    maps.sort_by(|one, other| {
        let order = other.bytes.cmp(&one.bytes);
        order.then_with(|| one.name.cmp(&other.name))
    });
    maps
}

/// What all of these take, bytes.
pub fn sum(maps: &[Taken]) -> u64 {
    maps.iter().map(|map| map.bytes).sum()
}

/// What an array of so many values takes, each of so many bytes.
pub fn array(entries: u64, value: u64) -> u64 {
    ARRAY + entries * value.next_multiple_of(8)
}

/// What a map with so many entries takes.
fn bytes(map: &aya_obj::Map, entries: u64, processors: u64) -> u64 {
    let key = u64::from(map.key_size()).next_multiple_of(8);
    let value = u64::from(map.value_size()).next_multiple_of(8);
    match bpf_map_type::try_from(map.map_type()) {
        Ok(BPF_MAP_TYPE_ARRAY) if map.map_flags() & MMAPABLE != 0 => {
            ARRAY.next_multiple_of(PAGE) + (entries * value).next_multiple_of(PAGE)
        }
        Ok(BPF_MAP_TYPE_ARRAY) => array(entries, value),
        Ok(BPF_MAP_TYPE_PERCPU_ARRAY) => ARRAY + entries * (POINTER + value * processors),
        Ok(
            BPF_MAP_TYPE_ARRAY_OF_MAPS | BPF_MAP_TYPE_PROG_ARRAY | BPF_MAP_TYPE_PERF_EVENT_ARRAY,
        ) => ARRAY + entries * POINTER,
        Ok(BPF_MAP_TYPE_HASH) => {
            // One more for each processor, and a pointer to it.
            let elements = (entries + processors) * (HASH_ELEMENT + key + value);
            let buckets = entries.next_power_of_two() * HASH_BUCKET;
            HASH + elements + buckets + processors * POINTER
        }
        Ok(BPF_MAP_TYPE_LRU_HASH) => {
            let buckets = entries.next_power_of_two();
            HASH + entries * (HASH_ELEMENT + key + value) + buckets * HASH_BUCKET
        }
        Ok(BPF_MAP_TYPE_DEVMAP_HASH) => DEVICES + entries.next_power_of_two() * POINTER,
        Ok(BPF_MAP_TYPE_RINGBUF) => {
            let pages = entries.div_ceil(PAGE);
            // The data is mapped twice, one behind the other.
            RING + (RING_PAGES + pages) * PAGE + (RING_PAGES + 2 * pages) * POINTER
        }
        // The program has no others, as a test sees.
        _ => entries * (key + value),
    }
}

/// Processors that this machine may have, as the kernel counts them for its maps.
pub fn processors() -> u64 {
    nr_cpus().map_or(1, |count| count as u64)
}

/// Memory that this machine has, and what of it can be had now, bytes; `None`: it does not say.
pub fn of_machine() -> Option<(u64, u64)> {
    let text = fs::read_to_string("/proc/meminfo").ok()?;
    // What others have in memory may go there.
    let swap = field(&text, "SwapFree:").unwrap_or_default();
    let available = field(&text, "MemAvailable:")?;
    Some((field(&text, "MemTotal:")?, available.saturating_add(swap)))
}

/// A line of `/proc/meminfo`, which counts in KiB.
fn field(text: &str, name: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    let number: u64 = line.split_whitespace().next()?.parse().ok()?;
    number.checked_mul(1024)
}

/// `180.3 MiB`.
pub fn mebibytes(bytes: u64) -> String {
    let tenths = (u128::from(bytes) * 10).div_ceil(1 << 20);
    format!("{}.{} MiB", tenths / 10, tenths % 10)
}

#[cfg(test)]
mod tests;
