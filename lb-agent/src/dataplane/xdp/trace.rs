//! The programs that tell what becomes of packets: in the kernel as long as somebody traces.
//!
//! They are loaded beside those of the agent, over the same pinned maps, and put where these find them
//! (`PROGRAMS`). Then one word of the control page sends every packet there. It is a time: the second
//! until which somebody reads. Whoever traces says it anew every second; should he be killed, the
//! agent clears it, and takes his programs away. What is told is made readable in [`crate::observe::trace`].

use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, RawFd};
use std::sync::Arc;
use std::time::Duration;

use aya::Ebpf;
use aya::maps::{Array, Map, MapData, MapError, ProgramArray, RingBuf};
use aya::programs::ProgramInfo;
use lb_common::control::Control;
use lb_common::program;
use lb_common::trace::{Event, Filter};
use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg};
use thiserror::Error;

use super::flow_tables::FlowTables;
use super::maps::mapped::Mapped;
use super::maps::{Abi, Maps};
use super::object::{self, ObjectError};
use super::pins::Pins;

/// The programs with their places in `PROGRAMS`; one comes before those that hand over to it.
pub(super) const TRACING: [(&str, u32); 12] = [
    ("lb_trace_tunnel_sum", program::TRACE_TUNNEL_SUM),
    ("lb_trace_tunnel", program::TRACE_TUNNEL),
    ("lb_trace_sctp", program::TRACE_SCTP),
    ("lb_trace_admit_sctp6", program::TRACE_SCTP_IPV6_ADMISSION),
    ("lb_trace_sctp6", program::TRACE_SCTP_IPV6),
    ("lb_trace_related6", program::TRACE_IPV6_RELATED),
    ("lb_trace_return6", program::TRACE_IPV6_WAY_BACK),
    ("lb_trace_replies6", program::TRACE_IPV6_REPLIES),
    ("lb_trace_nat6", program::TRACE_IPV6_NAT),
    ("lb_trace_admit6", program::TRACE_IPV6_ADMISSION),
    ("lb_trace6", program::TRACE_IPV6),
    ("lb_trace", program::TRACE),
];

/// So long packets are told of when nobody says any more that he reads.
const LEASE: Duration = Duration::from_secs(4);

/// Why nothing can be traced.
#[derive(Debug, Error)]
pub enum TraceError {
    /// One at a time: there is one filter.
    #[error("another `lb-agent trace` runs for this agent; it ends with Ctrl-C")]
    Busy,
    /// The agent's folder in the BPF file system cannot be opened.
    #[error("cannot open {}", path.display())]
    Folder {
        /// Which.
        path: std::path::PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// What would be shown are the flows of nobody.
    #[error("an agent with flow tables of another size has been started meanwhile; trace anew")]
    OtherTables,
    /// The programs cannot be loaded.
    #[error(transparent)]
    Object(#[from] ObjectError),
    /// A map is not what it should be.
    #[error("cannot use the map {name}")]
    Map {
        /// Its name.
        name: &'static str,
        /// Why.
        #[source]
        source: MapError,
    },
}

/// Packets are being traced; dropped, they are not any more.
pub struct Tracer {
    pins: Pins,
    /// The sizes that the programs were loaded with.
    tables: FlowTables,
    control: Arc<Mapped<Control>>,
    programs: ProgramArray<MapData>,
    events: RingBuf<MapData>,
    // The programs are there as long as this is.
    ebpf: Ebpf,
    _only: Flock<File>,
}

impl Tracer {
    /// Gets everything ready, which may take seconds; [`Self::renew`] begins.
    pub fn prepare(pins: &Pins, maps: &Maps, filter: &Filter) -> Result<Self, TraceError> {
        let only = alone(pins)?;
        let tables = FlowTables::pinned(pins);
        let mut ebpf = object::load(pins, tables, TRACING.map(|(name, _)| name))?;
        let mut filters: Array<_, Abi<Filter>> = take(&mut ebpf, "TRACE_FILTER")?;
        filters
            .set(0, Abi(*filter), 0)
            .map_err(failed("TRACE_FILTER"))?;
        let events = take(&mut ebpf, "TRACE_EVENTS")?;
        let programs = object::connect(&mut ebpf, TRACING)?;
        let tracer = Self {
            pins: pins.clone(),
            tables,
            control: maps.control(),
            programs,
            events,
            ebpf,
            _only: only,
        };
        // The sizes may have been those of the tables before, and the tables others already.
        tracer.check()?;
        Ok(tracer)
    }

    /// Whether the flow tables are still those that the programs were loaded for: to be called every second.
    pub fn check(&self) -> Result<(), TraceError> {
        // Of an agent that has ended there are none.
        let is_gone = !FlowTables::are_pinned(&self.pins);
        if is_gone || FlowTables::pinned(&self.pins) == self.tables {
            Ok(())
        } else {
            Err(TraceError::OtherTables)
        }
    }

    /// Begins, and goes on, at `now` by the monotonic clock: to be called every second.
    pub fn renew(&self, now: Duration) {
        let until = u32::try_from((now + LEASE).as_secs()).unwrap_or(u32::MAX);
        super::maps::trace::set(&self.control, until);
    }

    /// What the kernel says of each program, by its name.
    pub fn programs(&self) -> impl Iterator<Item = (&str, Result<ProgramInfo, ObjectError>)> {
        object::loaded(&self.ebpf)
    }

    /// The next packet; `None`: there is none yet.
    pub fn take_event(&mut self) -> Option<Event> {
        loop {
            let item = self.events.next()?;
            if let Ok(event) = bytemuck::try_pod_read_unaligned(&item) {
                return Some(event);
            }
        }
    }
}

/// Readable: there may be packets.
impl AsRawFd for Tracer {
    fn as_raw_fd(&self) -> RawFd {
        self.events.as_raw_fd()
    }
}

impl Drop for Tracer {
    fn drop(&mut self) {
        // No more packets come to the programs, and then these go. One that comes between the two
        // goes on where it is.
        super::maps::trace::set(&self.control, 0);
        for (_, place) in TRACING {
            let _gone = self.programs.clear_index(&place);
        }
    }
}

/// Takes the programs of somebody away who traced and was killed. `false`: he lives, and it stays for him
/// to end, or cannot be found out.
pub(super) fn clear_left(pins: &Pins, programs: &mut ProgramArray<MapData>) -> bool {
    let Ok(_only) = alone(pins) else {
        return false;
    };
    for (_, place) in TRACING {
        let _gone = programs.clear_index(&place);
    }
    true
}

/// Sees to it that nobody else traces as long as the answer is held.
fn alone(pins: &Pins) -> Result<Flock<File>, TraceError> {
    let path = pins.instance();
    let folder = |source| TraceError::Folder {
        path: path.to_owned(),
        source,
    };
    let file = File::open(path).map_err(folder)?;
    Flock::lock(file, FlockArg::LockExclusiveNonblock).map_err(|(_, errno)| match errno {
        Errno::EWOULDBLOCK => TraceError::Busy,
        errno => folder(errno.into()),
    })
}

fn failed(name: &'static str) -> impl Fn(MapError) -> TraceError {
    move |source| TraceError::Map { name, source }
}

fn take<T: TryFrom<Map, Error = MapError>>(
    ebpf: &mut Ebpf,
    name: &'static str,
) -> Result<T, TraceError> {
    let missing = MapError::InvalidName {
        name: name.to_owned(),
    };
    let map = ebpf.take_map(name).ok_or(missing);
    map.and_then(T::try_from).map_err(failed(name))
}
