//! The maps of the program, typed.
//!
//! This module and [`mapped`] are the only places of the agent with `unsafe`. What the records
//! mean stands in `lb_common`; what to write is decided by the plan.

mod egress;
mod execute;
mod loads;
pub mod mapped;
pub mod read;
mod schedules;
mod services;
mod services6;
mod slot;
pub(super) mod trace;

use std::collections::BTreeMap;
use std::io;
use std::net::IpAddr;
use std::sync::Arc;

use aya::maps::{Array, HashMap, Map, MapData, MapError, PerCpuArray, xdp::DevMapHash};
use lb_common::affinity::{Affinity, AffinityKey4, AffinityKey6};
use lb_common::backend::Backend;
use lb_common::control::Control;
use lb_common::flow::{FlowBucket, FlowBucket6};
use lb_common::limits::{MAX_BACKENDS, SERVICE_BUCKETS, SERVICE_BUCKETS6};
use lb_common::load::Load;
use lb_common::policy::{Policy, SOURCE_COUNTERS};
use lb_common::service::ServiceInfo;
use lb_common::stats::Traffic;
use lb_common::vlan::VlanKey;
use thiserror::Error;

pub use self::egress::{Exit, Led};
use self::mapped::Mapped;
use self::schedules::Schedules;
use self::services::Services;
use self::services6::Services6;
use super::flow_tables::{FLOWS4, FLOWS6};
use super::pins::Pins;

/// Every map, under its name in the program.
pub const NAMES: [&str; 31] = [
    "CONTROL",
    "SERVICES4",
    "SERVICES6",
    "SERVICE_INFO",
    "BACKENDS",
    "SCHEDULES",
    "POLICIES",
    "LOADS",
    "LOCALITY",
    "RATES",
    "SOURCES",
    "CURSORS",
    "AFFINITY4",
    "AFFINITY6",
    "PENDING4",
    "PENDING6",
    "FRAGMENTS4",
    "FRAGMENTS6",
    FLOWS4,
    FLOWS6,
    "BACKEND_STATS",
    "RETIRED_STATS",
    "REASONS",
    "ANSWERS",
    "ASKED6",
    "TUNNELLED",
    "EGRESS",
    "VLANS",
    "TAGGED",
    "UNRESOLVED",
    "PROGRAMS",
];

/// A record as aya wants it.
#[derive(Clone, Copy)]
#[repr(transparent)]
pub(crate) struct Abi<T>(pub(crate) T);

// SAFETY: `bytemuck::Pod` proves that there is no padding and that every bit pattern is valid.
unsafe impl<T: bytemuck::Pod> aya::Pod for Abi<T> {}

/// What went wrong with a map.
#[derive(Debug, Error)]
pub enum MapsError {
    /// It is not pinned, or not for us.
    #[error("cannot open the map {name} pinned at {}", path.display())]
    Open {
        /// Name of the map.
        name: &'static str,
        /// Where it should be.
        path: std::path::PathBuf,
        /// Why.
        #[source]
        source: MapError,
    },
    /// It cannot be mapped into memory.
    #[error("cannot map {name} into memory")]
    Mmap {
        /// Name of the map.
        name: &'static str,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// It cannot be read or written.
    #[error("cannot {what} the map {name}")]
    Access {
        /// "read" or "write".
        what: &'static str,
        /// Name of the map.
        name: &'static str,
        /// Why.
        #[source]
        source: MapError,
    },
    /// Packets cannot be redirected to some interfaces; to all others they can.
    #[error("the device map refuses {}", list(refused))]
    Egress {
        /// Their indexes, and why.
        refused: Vec<(u32, String)>,
    },
    /// The program does not know the frames of some VLANs: those are the kernel's.
    #[error("the table of VLANs refuses {}", vlans(refused))]
    Vlans {
        /// Which, and why.
        refused: Vec<(VlanKey, String)>,
    },
    /// Both buckets of a virtual server are full. With as many services as there are ids this
    /// happens to nobody; the table is an eighth full then.
    #[error("the table of virtual servers has no room for {}", std::net::SocketAddr::new(*address, *port))]
    NoRoom {
        /// Address of the virtual server.
        address: IpAddr,
        /// Its port.
        port: u16,
    },
}

impl MapsError {
    fn write(name: &'static str) -> impl Fn(MapError) -> Self {
        move |source| Self::Access {
            what: "write",
            name,
            source,
        }
    }

    fn read(name: &'static str) -> impl Fn(MapError) -> Self {
        move |source| Self::Access {
            what: "read",
            name,
            source,
        }
    }

    /// Whether the cause is a lack of rights.
    pub fn is_permission(&self) -> bool {
        let source: &(dyn std::error::Error + 'static) = match self {
            Self::Open { source, .. } | Self::Access { source, .. } => source,
            Self::Mmap { source, .. } => source,
            Self::Egress { .. } | Self::Vlans { .. } | Self::NoRoom { .. } => return false,
        };
        std::iter::successors(Some(source), |error| error.source())
            .filter_map(|error| error.downcast_ref::<io::Error>())
            .any(|error| error.kind() == io::ErrorKind::PermissionDenied)
    }
}

/// `interface number 7 (why), interface number 9 (why)`.
fn list(refused: &[(u32, String)]) -> String {
    let one = |(index, why): &(u32, String)| format!("interface number {index} ({why})");
    refused.iter().map(one).collect::<Vec<_>>().join(", ")
}

/// `3 entries (why)`.
fn vlans(refused: &[(VlanKey, String)]) -> String {
    let why = refused.first().map_or("", |(_, why)| why);
    format!("{} entries ({why})", refused.len())
}

/// The maps of one agent.
pub struct Maps {
    control: Arc<Mapped<Control>>,
    backends: Mapped<Backend>,
    flows4: Mapped<FlowBucket>,
    flows6: Mapped<FlowBucket6>,
    services4: Services,
    services6: Services6,
    service_info: Array<MapData, Abi<ServiceInfo>>,
    affinity4: HashMap<MapData, Abi<AffinityKey4>, Abi<Affinity>>,
    affinity6: HashMap<MapData, Abi<AffinityKey6>, Abi<Affinity>>,
    policies: Array<MapData, Abi<Policy>>,
    loads: Mapped<Load>,
    /// The kernel gives every record eight bytes.
    sources: Mapped<[u32; 2]>,
    schedules: Schedules,
    backend_stats: PerCpuArray<MapData, Abi<Traffic>>,
    retired_stats: Array<MapData, Abi<Traffic>>,
    reasons: PerCpuArray<MapData, u64>,
    egress: DevMapHash<MapData>,
    /// What has been written there.
    exits: BTreeMap<u32, Exit>,
    vlans: HashMap<MapData, Abi<VlanKey>, u32>,
}

impl Maps {
    /// Opens the pinned maps.
    pub fn open(pins: &Pins) -> Result<Self, MapsError> {
        let open = |name: &'static str| {
            let path = pins.map(name);
            MapData::from_pin(&path).map_err(|source| MapsError::Open { name, path, source })
        };
        // aya knows no type of map by its number alone: what is pinned says what it is.
        let typed = |name: &'static str| -> Result<Map, MapsError> {
            let path = pins.map(name);
            open(name)
                .and_then(|data| Map::from_map_data(data).map_err(MapsError::read(name)))
                .map_err(|error| match error {
                    MapsError::Access { source, .. } => MapsError::Open { name, path, source },
                    other => other,
                })
        };
        let backends = MAX_BACKENDS as usize;
        let (services, services6) = (SERVICE_BUCKETS as usize, SERVICE_BUCKETS6 as usize);
        Ok(Self {
            control: Arc::new(mapped("CONTROL", &open("CONTROL")?, 1, true)?),
            backends: mapped("BACKENDS", &open("BACKENDS")?, backends, true)?,
            flows4: table(FLOWS4, &open(FLOWS4)?)?,
            flows6: table(FLOWS6, &open(FLOWS6)?)?,
            services4: Services::new(mapped("SERVICES4", &open("SERVICES4")?, services, true)?),
            services6: Services6::new(mapped("SERVICES6", &open("SERVICES6")?, services6, true)?),
            service_info: convert("SERVICE_INFO", typed("SERVICE_INFO")?)?,
            affinity4: convert("AFFINITY4", typed("AFFINITY4")?)?,
            affinity6: convert("AFFINITY6", typed("AFFINITY6")?)?,
            policies: convert("POLICIES", typed("POLICIES")?)?,
            loads: mapped("LOADS", &open("LOADS")?, backends, true)?,
            sources: mapped(
                "SOURCES",
                &open("SOURCES")?,
                2 * SOURCE_COUNTERS as usize,
                true,
            )?,
            schedules: Schedules::new(&open("SCHEDULES")?)?,
            backend_stats: convert("BACKEND_STATS", typed("BACKEND_STATS")?)?,
            retired_stats: convert("RETIRED_STATS", typed("RETIRED_STATS")?)?,
            reasons: convert("REASONS", typed("REASONS")?)?,
            egress: convert("EGRESS", typed("EGRESS")?)?,
            exits: BTreeMap::new(),
            vlans: convert("VLANS", typed("VLANS")?)?,
        })
    }

    /// The control page, for who must write it without waiting for anybody.
    pub fn control(&self) -> Arc<Mapped<Control>> {
        Arc::clone(&self.control)
    }
}

/// A flow table, which has the size that it was made with.
fn table<T: bytemuck::Pod>(name: &'static str, data: &MapData) -> Result<Mapped<T>, MapsError> {
    let info = data.info().map_err(MapsError::read(name))?;
    mapped(name, data, info.max_entries() as usize, false)
}

fn mapped<T: bytemuck::Pod>(
    name: &'static str,
    data: &MapData,
    len: usize,
    writable: bool,
) -> Result<Mapped<T>, MapsError> {
    Mapped::new(data.fd(), len, writable).map_err(|source| MapsError::Mmap { name, source })
}

fn convert<T: TryFrom<Map, Error = MapError>>(
    name: &'static str,
    map: Map,
) -> Result<T, MapsError> {
    map.try_into().map_err(MapsError::read(name))
}
