//! What differs between IPv4 and IPv6 on the way from a packet to its server: the client's address.
//!
//! Flow table, admission, schedulers and templates are written once, over [`Family`].

use aya_ebpf::bindings::BPF_NOEXIST;
use lb_common::address6::{self, Address6};
use lb_common::affinity::{Affinity, AffinityKey4, AffinityKey6};
use lb_common::backend::flags;
use lb_common::flow::{self, CLIENT, FlowBucket, FlowBucket6, FlowEntry, FlowEntry6};
use lb_common::hash::mix;
use lb_common::service::{ServiceKey4, ServiceKey6};

use crate::admission::Question;
use crate::affinity;
use crate::backends::Slot;
use crate::maps::{self, AFFINITY4, AFFINITY6, CONTROL, FLOWS4, FLOWS6, PENDING4, PENDING6};

/// One of the two families.
pub(crate) trait Family: Copy + 'static {
    /// Whether the program is one that watches itself ([`crate::trace`]).
    const TRACED: bool;
    /// Whether the program is one for SCTP, and for nothing else ([`crate::sctp`]).
    const SCTP: bool;

    /// What the word of a flow's key does not hold of its client's address.
    type Rest: Copy;
    /// A flow in the table, which begins with a [`FlowEntry`].
    type Entry;
    /// Some of them.
    type Bucket;
    /// What a template of `persistence_timeout` is found by.
    type TemplateKey;
    /// Address, port and protocol of a real server.
    type Server;

    /// The bucket with this number.
    fn bucket(number: u32) -> Option<*mut Self::Bucket>;
    /// The buckets of a client, in the order in which they are searched.
    fn buckets(hash: u64) -> [u32; 3];
    /// 0: the entry's client has this address, as far as the key does not say. A number, so that it
    /// is compared along with the key: each jump is one more way for the verifier.
    fn differs(entry: *const FlowEntry, rest: &Self::Rest) -> u64;
    /// Writes it.
    fn write_rest(entry: *mut FlowEntry, rest: &Self::Rest);

    /// Whether a slot is that of this real server, in NAT mode.
    fn is_nat_server(slot: &Slot, server: &Self::Server) -> bool;

    /// Hash of the client.
    fn hash(key: &Key<Self>, secret: u64) -> u64;
    /// The client's address as IPVS's schedulers hash it.
    fn folded(key: &Key<Self>) -> u32;
    /// The client's address as its flows are counted by.
    fn source(key: &Key<Self>) -> u32;

    /// The key of the client's template; `granularity`: who counts as one client.
    fn template_key(key: &Key<Self>, pool: u16, granularity: u32) -> Self::TemplateKey;
    /// The client's template.
    fn template(key: &Self::TemplateKey) -> Option<*mut Affinity>;
    /// Makes the client's first template.
    fn begin_template(key: &Self::TemplateKey, template: Affinity);
    /// The template of a client that has not been seen again.
    fn pending(key: &Self::TemplateKey) -> Option<*mut Affinity>;
    /// Makes one; whether that was possible.
    fn begin_pending(key: &Self::TemplateKey, template: Affinity) -> bool;
    /// Keeps the template alive that a flow was given its server by: [`affinity::keep`].
    fn keep_template(question: &Question<Self>, target: u32);
}

/// What tells a flow from every other.
#[derive(Clone, Copy)]
pub(crate) struct Key<F: Family> {
    /// [`flow::key`] or [`flow::key6`].
    pub(crate) word: u64,
    /// What that does not hold.
    pub(crate) rest: F::Rest,
}

impl<F: Family> Key<F> {
    /// Port of the client, network byte order.
    #[inline(always)]
    pub(crate) const fn port(&self) -> u16 {
        (self.word >> 32) as u16
    }
}

/// IPv4: the word of a key holds everything.
#[derive(Clone, Copy)]
pub(crate) struct Four<const TRACED: bool, const SCTP: bool = false>;

/// As the program on the interface has it.
pub(crate) type V4 = Four<false>;

impl<const TRACED: bool, const SCTP: bool> Key<Four<TRACED, SCTP>> {
    /// The flow whose [`flow::key`] is this.
    #[inline(always)]
    pub(crate) const fn of(word: u64) -> Self {
        Self { word, rest: () }
    }

    /// Address of the client, network byte order.
    #[inline(always)]
    pub(crate) const fn client(self) -> u32 {
        self.word as u32
    }
}

impl<const TRACED: bool, const SCTP: bool> Family for Four<TRACED, SCTP> {
    const TRACED: bool = TRACED;
    const SCTP: bool = SCTP;

    type Rest = ();
    type Entry = FlowEntry;
    type Bucket = FlowBucket;
    type TemplateKey = AffinityKey4;
    type Server = ServiceKey4;

    #[inline(always)]
    fn bucket(number: u32) -> Option<*mut FlowBucket> {
        FLOWS4.get_ptr_mut(number)
    }

    #[inline(always)]
    fn buckets(hash: u64) -> [u32; 3] {
        maps::buckets4(hash)
    }

    #[inline(always)]
    fn differs(_entry: *const FlowEntry, _rest: &()) -> u64 {
        0
    }

    #[inline(always)]
    fn write_rest(_entry: *mut FlowEntry, _rest: &()) {}

    #[inline(always)]
    fn is_nat_server(slot: &Slot, server: &ServiceKey4) -> bool {
        let rest = slot.rest();
        slot.head.has(flags::IN_USE | flags::NAT)
            && rest.addr == server.addr
            && rest.port == server.port
            && rest.proto == server.proto
    }

    #[inline(always)]
    fn hash(key: &Key<Self>, secret: u64) -> u64 {
        mix(key.word & CLIENT, secret)
    }

    #[inline(always)]
    fn folded(key: &Key<Self>) -> u32 {
        key.client()
    }

    #[inline(always)]
    fn source(key: &Key<Self>) -> u32 {
        key.client()
    }

    #[inline(always)]
    fn template_key(key: &Key<Self>, pool: u16, granularity: u32) -> AffinityKey4 {
        AffinityKey4 {
            client: key.client() & granularity,
            pool: u32::from(pool),
        }
    }

    #[inline(always)]
    fn template(key: &AffinityKey4) -> Option<*mut Affinity> {
        AFFINITY4.get_ptr_mut(key)
    }

    #[inline(always)]
    fn begin_template(key: &AffinityKey4, template: Affinity) {
        let _other = AFFINITY4.insert(key, &template, BPF_NOEXIST.into());
    }

    #[inline(always)]
    fn pending(key: &AffinityKey4) -> Option<*mut Affinity> {
        PENDING4.get_ptr_mut(key)
    }

    #[inline(always)]
    fn begin_pending(key: &AffinityKey4, template: Affinity) -> bool {
        PENDING4.insert(key, &template, BPF_NOEXIST.into()).is_ok()
    }

    #[inline(always)]
    fn keep_template(question: &Question<Self>, target: u32) {
        affinity::lb_keep(
            question.service.pool.into(),
            question.key.client(),
            target,
            question.tick,
        );
    }
}

/// IPv6: the word of a key holds a hash of the address, and all of it stands behind.
#[derive(Clone, Copy)]
pub(crate) struct Six<const TRACED: bool, const SCTP: bool = false>;

/// As the programs that nobody watches have it.
pub(crate) type V6 = Six<false>;

impl<const TRACED: bool, const SCTP: bool> Key<Six<TRACED, SCTP>> {
    /// The flow of a client.
    #[inline(always)]
    pub(crate) const fn new(client: Address6, port: u16, service: u16, secret: u64) -> Self {
        Self {
            word: flow::key6(client, port, service, secret),
            rest: client,
        }
    }
}

impl<const TRACED: bool, const SCTP: bool> Family for Six<TRACED, SCTP> {
    const TRACED: bool = TRACED;
    const SCTP: bool = SCTP;

    type Rest = Address6;
    type Entry = FlowEntry6;
    type Bucket = FlowBucket6;
    type TemplateKey = AffinityKey6;
    type Server = ServiceKey6;

    #[inline(always)]
    fn bucket(number: u32) -> Option<*mut FlowBucket6> {
        FLOWS6.get_ptr_mut(number)
    }

    #[inline(always)]
    fn buckets(hash: u64) -> [u32; 3] {
        maps::buckets6(hash)
    }

    #[inline(always)]
    fn differs(entry: *const FlowEntry, rest: &Address6) -> u64 {
        let entry = entry.cast::<FlowEntry6>();
        // SAFETY: every entry of the table is one of IPv6, whose words the machine reads at once.
        let client = unsafe {
            [
                (&raw const (*entry).client[0]).read_volatile(),
                (&raw const (*entry).client[1]).read_volatile(),
            ]
        };
        client[0] ^ rest[0] | client[1] ^ rest[1]
    }

    #[inline(always)]
    fn write_rest(entry: *mut FlowEntry, rest: &Address6) {
        let entry = entry.cast::<FlowEntry6>();
        // SAFETY: as in `differs`; the entry is the writer's own for now.
        unsafe {
            (&raw mut (*entry).client[0]).write_volatile(rest[0]);
            (&raw mut (*entry).client[1]).write_volatile(rest[1]);
        }
    }

    #[inline(always)]
    fn is_nat_server(slot: &Slot, server: &ServiceKey6) -> bool {
        let rest = slot.rest();
        slot.head.has(flags::IN_USE | flags::NAT | flags::IPV6)
            && rest.addr6[0] == server.address[0]
            && rest.addr6[1] == server.address[1]
            && rest.port == server.port
            && rest.proto == server.proto
    }

    #[inline(always)]
    fn hash(key: &Key<Self>, secret: u64) -> u64 {
        address6::hash(key.rest, key.port(), secret)
    }

    #[inline(always)]
    fn folded(key: &Key<Self>) -> u32 {
        address6::folded(key.rest)
    }

    #[inline(always)]
    fn source(key: &Key<Self>) -> u32 {
        let secret = CONTROL.get(0).map_or(0, |control| control.secret);
        address6::source(key.rest, secret)
    }

    #[inline(always)]
    fn template_key(key: &Key<Self>, pool: u16, granularity: u32) -> AffinityKey6 {
        AffinityKey6 {
            client: address6::masked(key.rest, granularity),
            pool: u64::from(pool),
        }
    }

    #[inline(always)]
    fn template(key: &AffinityKey6) -> Option<*mut Affinity> {
        AFFINITY6.get_ptr_mut(key)
    }

    #[inline(always)]
    fn begin_template(key: &AffinityKey6, template: Affinity) {
        let _other = AFFINITY6.insert(key, &template, BPF_NOEXIST.into());
    }

    #[inline(always)]
    fn pending(key: &AffinityKey6) -> Option<*mut Affinity> {
        PENDING6.get_ptr_mut(key)
    }

    #[inline(always)]
    fn begin_pending(key: &AffinityKey6, template: Affinity) -> bool {
        PENDING6.insert(key, &template, BPF_NOEXIST.into()).is_ok()
    }

    #[inline(always)]
    fn keep_template(question: &Question<Self>, target: u32) {
        affinity::keep6(question, target);
    }
}
