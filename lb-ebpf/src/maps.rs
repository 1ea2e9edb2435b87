//! The maps. What each holds, who writes it and who reads it stands in `lb_common`.

use aya_ebpf::Global;
use aya_ebpf::bindings::{BPF_F_INNER_MAP, BPF_F_MMAPABLE};
use aya_ebpf::btf_maps::{
    Array, ArrayOfMaps, DevMapHash, HashMap, LruHashMap, PerCpuArray, PerfEventArray, ProgramArray,
    RingBuf,
};
use aya_ebpf::macros::btf_map;
use lb_common::affinity::{Affinity, AffinityKey4, AffinityKey6};
use lb_common::answers::{Answers, RECORDS};
use lb_common::asked::Asked6;
use lb_common::backend::Backend;
use lb_common::control::Control;
use lb_common::flow::{self, FlowBucket, FlowBucket6};
use lb_common::fragment::{First, FragmentKey4, FragmentKey6};
use lb_common::limits::{
    FLOW_BUCKETS, FLOW_BUCKETS6, MAX_AFFINITIES, MAX_BACKENDS, MAX_EGRESS, MAX_FRAGMENTED,
    MAX_LOCALITIES, MAX_PENDING, MAX_SCHEDULE, MAX_SERVICES, MAX_VLANS, SERVICE_BUCKETS,
    SERVICE_BUCKETS6,
};
use lb_common::load::Load;
use lb_common::locality::{Locality, LocalityKey};
use lb_common::policy::{Policy, SOURCE_COUNTERS};
use lb_common::program;
use lb_common::service::{ServiceBucket, ServiceBucket6, ServiceInfo};
use lb_common::stats::{Reason, Traffic};
use lb_common::trace::{Filter, Notes, RING};
use lb_common::tunnelled::Tunnelled;
use lb_common::vlan::{Tagged, VlanKey};

const MMAPABLE: usize = BPF_F_MMAPABLE as usize;
const SERVICES: usize = MAX_SERVICES as usize;
const BACKEND_SLOTS: usize = MAX_BACKENDS as usize;

/// One schedule; every inner array may have its own length (kernel 5.10).
pub(crate) type Schedule = Array<u32, { MAX_SCHEDULE as usize }, { BPF_F_INNER_MAP as usize }>;

#[btf_map]
pub(crate) static CONTROL: Array<Control, 1, MMAPABLE> = Array::new();

#[btf_map]
pub(crate) static SERVICES4: Array<ServiceBucket, { SERVICE_BUCKETS as usize }, MMAPABLE> =
    Array::new();

#[btf_map]
pub(crate) static SERVICES6: Array<ServiceBucket6, { SERVICE_BUCKETS6 as usize }, MMAPABLE> =
    Array::new();

#[btf_map]
pub(crate) static SERVICE_INFO: Array<ServiceInfo, SERVICES> = Array::new();

#[btf_map]
pub(crate) static BACKENDS: Array<Backend, BACKEND_SLOTS, MMAPABLE> = Array::new();

#[btf_map]
pub(crate) static SCHEDULES: ArrayOfMaps<Schedule, SERVICES> = ArrayOfMaps::new();

#[btf_map]
pub(crate) static POLICIES: Array<Policy, SERVICES> = Array::new();

#[btf_map]
pub(crate) static LOADS: Array<Load, BACKEND_SLOTS, MMAPABLE> = Array::new();

#[btf_map]
pub(crate) static LOCALITY: LruHashMap<LocalityKey, Locality, { MAX_LOCALITIES as usize }> =
    LruHashMap::new();

#[btf_map]
pub(crate) static RATES: Array<u64, { 2 * SERVICES }> = Array::new();

#[btf_map]
pub(crate) static SOURCES: Array<u32, { 2 * SOURCE_COUNTERS as usize }, MMAPABLE> = Array::new();

#[btf_map]
pub(crate) static CURSORS: PerCpuArray<u32, SERVICES> = PerCpuArray::new();

#[btf_map]
pub(crate) static AFFINITY4: LruHashMap<AffinityKey4, Affinity, { MAX_AFFINITIES as usize }> =
    LruHashMap::new();

#[btf_map]
pub(crate) static AFFINITY6: LruHashMap<AffinityKey6, Affinity, { MAX_AFFINITIES as usize }> =
    LruHashMap::new();

#[btf_map]
pub(crate) static PENDING4: LruHashMap<AffinityKey4, Affinity, { MAX_PENDING as usize }> =
    LruHashMap::new();

#[btf_map]
pub(crate) static PENDING6: LruHashMap<AffinityKey6, Affinity, { MAX_PENDING as usize }> =
    LruHashMap::new();

#[btf_map]
pub(crate) static FRAGMENTS4: LruHashMap<FragmentKey4, First, { MAX_FRAGMENTED as usize }> =
    LruHashMap::new();

#[btf_map]
pub(crate) static FRAGMENTS6: LruHashMap<FragmentKey6, First, { MAX_FRAGMENTED as usize }> =
    LruHashMap::new();

#[btf_map]
pub(crate) static FLOWS4: Array<FlowBucket, { FLOW_BUCKETS as usize }, MMAPABLE> = Array::new();

#[btf_map]
pub(crate) static FLOWS6: Array<FlowBucket6, { FLOW_BUCKETS6 as usize }, MMAPABLE> = Array::new();

/// Buckets of [`FLOWS4`] less one. Not changed once the program is loaded: the verifier reads it as
/// the number that it is.
#[unsafe(no_mangle)]
static FLOW_MASK4: Global<u32> = Global::new(FLOW_BUCKETS - 1);

/// Buckets of [`FLOWS6`] less one.
#[unsafe(no_mangle)]
static FLOW_MASK6: Global<u32> = Global::new(FLOW_BUCKETS6 - 1);

/// The buckets of a client of IPv4, in the order in which they are searched ([`flow::buckets`]).
#[inline(always)]
pub(crate) fn buckets4(hash: u64) -> [u32; 3] {
    flow::buckets(hash, FLOW_MASK4.load())
}

/// The buckets of a client of IPv6.
#[inline(always)]
pub(crate) fn buckets6(hash: u64) -> [u32; 3] {
    flow::buckets(hash, FLOW_MASK6.load())
}

#[btf_map]
pub(crate) static BACKEND_STATS: PerCpuArray<Traffic, BACKEND_SLOTS> = PerCpuArray::new();

#[btf_map]
pub(crate) static RETIRED_STATS: Array<Traffic, SERVICES> = Array::new();

#[btf_map]
pub(crate) static REASONS: PerCpuArray<u64, { Reason::ALL.len() }> = PerCpuArray::new();

#[btf_map]
pub(crate) static TRACE_FILTER: Array<Filter, 1> = Array::new();

#[btf_map]
pub(crate) static TRACE_PACKET: PerCpuArray<Notes, 1> = PerCpuArray::new();

#[btf_map]
pub(crate) static TRACE_EVENTS: RingBuf<(), RING> = RingBuf::new();

#[btf_map]
pub(crate) static ANSWERS: PerCpuArray<Answers, RECORDS> = PerCpuArray::new();

#[btf_map]
pub(crate) static ASKED6: PerCpuArray<Asked6, 1> = PerCpuArray::new();

#[btf_map]
pub(crate) static TUNNELLED: PerCpuArray<Tunnelled, 1> = PerCpuArray::new();

#[btf_map]
pub(crate) static EGRESS: DevMapHash<{ MAX_EGRESS as usize }> = DevMapHash::new();

#[btf_map]
pub(crate) static VLANS: HashMap<VlanKey, u32, { MAX_VLANS as usize }> = HashMap::new();

#[btf_map]
pub(crate) static TAGGED: PerCpuArray<Tagged, 1> = PerCpuArray::new();

#[btf_map]
pub(crate) static UNRESOLVED: PerfEventArray = PerfEventArray::new();

#[btf_map]
pub(crate) static PROGRAMS: ProgramArray<{ program::COUNT as usize }> = ProgramArray::new();
