//! Capacities that both the maps and the validation of a configuration go by.

/// Virtual servers of one agent; service ids are `1..=MAX_SERVICES`, 0 is none.
pub const MAX_SERVICES: u32 = 16_384;

/// Buckets of the table that the program looks services up in, a power of two. With four services
/// a bucket and two buckets to choose from the table is never more than one eighth full.
pub const SERVICE_BUCKETS: u32 = 1 << 15;

/// Buckets of the table of IPv6 services, a power of two; never more than a quarter full.
pub const SERVICE_BUCKETS6: u32 = 1 << 14;

/// Backend slots of one agent. A real server of two virtual servers takes two slots, since its
/// weight, method and counters are per virtual server; slot 0 is none.
pub const MAX_BACKENDS: u32 = 65_536;

/// Gates: one for each VRRP instance, and gate 0 for the services of no instance.
pub const MAX_GATES: usize = 1024;

/// Buckets that the IPv4 flow table has if `xdp_flow_table_size` does not say otherwise: 2^20 × 64
/// bytes are 64 MiB for 4 Mi flows.
pub const FLOW_BUCKETS: u32 = 1 << 20;

/// As [`FLOW_BUCKETS`], of IPv6: 2^18 × 128 bytes are 32 MiB for 1 Mi flows.
pub const FLOW_BUCKETS6: u32 = 1 << 18;

/// The program's constant that holds the number of buckets of the IPv4 flow table, a power of two,
/// less one. The agent sets it when it loads the program, along with the size of the map.
pub const FLOW_MASK4: &str = "FLOW_MASK4";

/// As [`FLOW_MASK4`], of IPv6.
pub const FLOW_MASK6: &str = "FLOW_MASK6";

/// Clients whose server is remembered for `persistence_timeout`, of each family.
pub const MAX_AFFINITIES: u32 = 1 << 18;

/// Clients that have been given a server of a persistent service and have not been seen again: a
/// flood of these pushes out nobody else.
pub const MAX_PENDING: u32 = 1 << 16;

/// Packets whose fragments are waited for.
pub const MAX_FRAGMENTED: u32 = 1 << 14;

/// Entries of one schedule table: two counts, the turns, and every server once.
pub const MAX_SCHEDULE: u32 = 2 + MAX_TURNS + MAX_BACKENDS;

/// Interfaces that packets can be redirected to.
pub const MAX_EGRESS: u32 = 1024;

/// Interfaces that are VLANs of others, times the ports of the bonds below them.
pub const MAX_VLANS: u32 = 8192;

/// Turns that a schedule may have. Behind them stand the servers, each once.
pub const MAX_TURNS: u32 = 65_536;

/// Servers that are compared for one new flow (`lc`, `wlc`, `sed`, …): all of a service that has no
/// more, else so many from a random place on.
pub const MAX_COMPARED: u32 = 128;

/// Destinations that `lblc` and `lblcr` remember.
pub const MAX_LOCALITIES: u32 = 1 << 15;
