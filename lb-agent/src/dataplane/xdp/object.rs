//! The compiled program: into the kernel, with its maps pinned.

use std::io;
use std::time::Duration;

use aya::maps::{MapData, MapError, ProgramArray};
use aya::programs::{ProgramError, ProgramInfo, TestRun as _, TestRunOptions, Xdp};
use aya::{Ebpf, EbpfError, EbpfLoader};
use lb_common::program;
use thiserror::Error;

use super::flow_tables::FlowTables;
use super::maps::NAMES;
use super::memory;
use super::pins::{Pins, PinsError};
use super::trace;

/// Name of the program that is attached.
const BALANCE: &str = "lb_agent";
/// The programs that it hands packets to, with their places in [`PROGRAMS`], and itself, to which the one
/// for tags hands over. One comes before those that hand over to it.
const CALLED: [(&str, u32); 13] = [
    ("lb_tunnel_sum", program::TUNNEL_SUM),
    ("lb_tunnel", program::TUNNEL),
    ("lb_sctp", program::SCTP),
    ("lb_admit_sctp6", program::SCTP_IPV6_ADMISSION),
    ("lb_sctp6", program::SCTP_IPV6),
    ("lb_related6", program::IPV6_RELATED),
    ("lb_return6", program::IPV6_WAY_BACK),
    ("lb_replies6", program::IPV6_REPLIES),
    ("lb_nat6", program::IPV6_NAT),
    ("lb_admit6", program::IPV6_ADMISSION),
    ("lb_agent6", program::IPV6),
    (BALANCE, program::BALANCE),
    ("lb_vlan", program::VLAN),
];
/// Name of the map they stand in.
const PROGRAMS: &str = "PROGRAMS";
/// Name of the program that the agent runs to say that it is alive.
const HEARTBEAT: &str = "heartbeat";

/// The object that `build.rs` made of `lb-ebpf`.
pub(super) static OBJECT: &[u8] = aya::include_bytes_aligned!(concat!(env!("OUT_DIR"), "/lb-ebpf"));

/// Why the program could not be loaded or run.
#[derive(Debug, Error)]
pub enum ObjectError {
    /// There is no place for the pins.
    #[error(transparent)]
    Pins(#[from] PinsError),
    /// The machine has not so much memory.
    #[error(
        "cannot load the XDP program: its maps take {}, and this machine has {} available; \
         `xdp_flow_table_size` makes the largest of them smaller, `lb-agent check --explain` lists them",
        memory::mebibytes(*takes), memory::mebibytes(*available)
    )]
    NoMemory {
        /// What has to be made, bytes.
        takes: u64,
        /// What can be had, bytes.
        available: u64,
    },
    /// The kernel refuses maps or object.
    #[error("cannot load the XDP program: {}", explain(source, *takes))]
    Load {
        /// What the maps take, bytes.
        takes: u64,
        /// What aya says.
        #[source]
        source: Box<EbpfError>,
    },
    /// The kernel does not take a program into the map of programs.
    #[error("cannot connect the XDP programs with each other")]
    Connect {
        /// What the kernel says.
        #[source]
        source: MapError,
    },
    /// The verifier or the driver refuses a program.
    #[error("cannot {what}")]
    Program {
        /// What was tried.
        what: &'static str,
        /// What the kernel says.
        #[source]
        source: ProgramError,
    },
}

/// What the operator can do about the usual causes.
fn explain(error: &EbpfError, takes: u64) -> String {
    let causes =
        std::iter::successors(Some(error as &(dyn std::error::Error + 'static)), |error| {
            error.source()
        });
    let kind = causes
        .filter_map(|error| error.downcast_ref::<io::Error>())
        .map(io::Error::kind)
        .next();
    match kind {
        Some(io::ErrorKind::PermissionDenied) => {
            "not permitted; lb-agent needs root or CAP_BPF, CAP_NET_ADMIN and CAP_PERFMON".into()
        }
        Some(io::ErrorKind::OutOfMemory) => format!(
            "not enough memory for its maps, which take {}; `xdp_flow_table_size` makes the largest \
             of them smaller, `lb-agent check --explain` lists them",
            memory::mebibytes(takes)
        ),
        Some(io::ErrorKind::Unsupported) => "this kernel has no BPF".into(),
        _ => error.to_string(),
    }
}

/// What cannot be done when a program is refused, with the cause if the operator can do something
/// about it.
fn refused(error: &ProgramError) -> &'static str {
    if let ProgramError::LoadError { verifier_log, .. } = error {
        refused_with(&verifier_log.to_string())
    } else {
        LOAD
    }
}

/// [`refused`], when the verifier has said this.
fn refused_with(log: &str) -> &'static str {
    // "tail_calls are not allowed in non-JITed programs with bpf-to-bpf calls", "mixing of tail_calls
    // and bpf-to-bpf calls is not supported".
    if log.contains("tail_calls") {
        "load the XDP program: it calls subprograms and hands over to another program, which a \
         kernel takes with its JIT compiler only (`net.core.bpf_jit_enable` 1)"
    } else {
        LOAD
    }
}

/// What is tried when there is nothing else to say.
const LOAD: &str = "load the XDP program";

/// The loaded object.
pub struct Object {
    ebpf: Ebpf,
    /// Where the programs find each other. Held: the kernel empties it when neither a pin nor an agent
    /// holds it, and pins may be taken away.
    programs: ProgramArray<MapData>,
    has_new_tables: bool,
}

impl Object {
    /// Loads the programs. Maps that are pinned already are taken over with their contents.
    pub fn load(pins: &Pins) -> Result<Self, ObjectError> {
        Self::load_with(pins, FlowTables::pinned(pins))
    }

    /// The same, with flow tables of these sizes: those of another size begin anew.
    pub fn load_with(pins: &Pins, tables: FlowTables) -> Result<Self, ObjectError> {
        pins.create()?;
        require_memory(pins, tables)?;
        let is_anew = tables.discard_others(pins)?;
        let called = CALLED.map(|(name, _)| name);
        let programs = called.into_iter().chain([HEARTBEAT]);
        let mut ebpf = load(pins, tables, programs)?;
        let mut programs = connect(&mut ebpf, CALLED)?;
        if is_anew {
            // Who traces has programs with the old tables; without their places no packet gets there.
            for (_, place) in trace::TRACING {
                let _gone = programs.clear_index(&place);
            }
        }
        Ok(Self {
            programs,
            has_new_tables: is_anew,
            ebpf,
        })
    }

    /// Takes the programs of a `lb-agent trace` away that was killed; `false`: it lives.
    pub fn clear_left_trace(&mut self, pins: &Pins) -> bool {
        trace::clear_left(pins, &mut self.programs)
    }

    /// Whether a flow table of an earlier agent has been given up for one of another size.
    pub const fn has_new_tables(&self) -> bool {
        self.has_new_tables
    }

    /// The program to attach.
    pub fn balance(&mut self) -> Result<&mut Xdp, ObjectError> {
        self.program(BALANCE)
    }

    /// One of the programs, by its name in the object: it may be run on a frame as if another one had
    /// handed that over.
    pub fn program(&mut self, name: &'static str) -> Result<&mut Xdp, ObjectError> {
        find(&mut self.ebpf, name)
    }

    /// What the kernel says of every program, by its name.
    pub fn programs(&self) -> impl Iterator<Item = (&str, Result<ProgramInfo, ObjectError>)> {
        loaded(&self.ebpf)
    }

    /// Says that the agent is alive: the kernel's jiffies go into the control page.
    pub fn heartbeat(&mut self) -> Result<(), ObjectError> {
        run(find(&mut self.ebpf, HEARTBEAT)?, &[0; 64])?;
        Ok(())
    }

    /// Runs the program on one frame, without a network: the verdict, and the frame in `frame`.
    pub fn run(&mut self, frame: &mut Vec<u8>) -> Result<u32, ObjectError> {
        let length = frame.len();
        // Room for an outer header.
        frame.resize(length + 64, 0);
        let mut input = frame.clone();
        input.truncate(length);
        let mut options = TestRunOptions::new();
        options.data_in = Some(&input);
        options.data_out = Some(frame);
        let result = self.balance()?.test_run(options).map_err(failed_to_run)?;
        frame.truncate(result.data_size_out as usize);
        Ok(result.return_value)
    }
}

/// Refuses maps that this machine cannot hold, before the kernel takes memory away from others for
/// them, and before anything is given up that is there.
fn require_memory(pins: &Pins, tables: FlowTables) -> Result<(), ObjectError> {
    let maps = memory::maps(tables, memory::processors());
    let missing = maps.iter().filter(|map| !tables.stands(pins, &map.name));
    let takes = missing.map(|map| map.bytes).sum();
    match memory::of_machine() {
        Some((_, available)) if takes > available => {
            Err(ObjectError::NoMemory { takes, available })
        }
        _ => Ok(()),
    }
}

/// Loads these programs over the pinned maps, which are made with these sizes if there are none.
pub(super) fn load(
    pins: &Pins,
    tables: FlowTables,
    programs: impl IntoIterator<Item = &'static str>,
) -> Result<Ebpf, ObjectError> {
    let mut loader = EbpfLoader::new();
    for name in NAMES {
        loader.map_pin_path(name, pins.map(name));
    }
    for (name, value) in tables.constants() {
        loader.override_global(name, value, true);
    }
    for (name, entries) in tables.maps() {
        loader.map_max_entries(name, entries);
    }
    let mut ebpf = loader.load(OBJECT).map_err(|source| ObjectError::Load {
        takes: memory::sum(&memory::maps(tables, memory::processors())),
        source: Box::new(source),
    })?;
    for name in programs {
        find(&mut ebpf, name)?
            .load()
            .map_err(|source| ObjectError::Program {
                what: refused(&source),
                source,
            })?;
    }
    Ok(ebpf)
}

/// What the kernel says of every program of the object that is loaded.
pub(super) fn loaded(
    ebpf: &Ebpf,
) -> impl Iterator<Item = (&str, Result<ProgramInfo, ObjectError>)> {
    let programs = ebpf.programs().filter(|(_, it)| it.fd().is_ok());
    programs.map(|(name, program)| {
        let info = program.info().map_err(|source| ObjectError::Program {
            what: "ask the kernel about the XDP program",
            source,
        });
        (name, info)
    })
}

/// Puts the programs where the one on the interface finds them: between two packets, and for an
/// adopted one, too, which is of the same version of the records. The map is pinned, since the
/// kernel empties it when nobody holds it but programs.
pub(super) fn connect<const N: usize>(
    ebpf: &mut Ebpf,
    places: [(&'static str, u32); N],
) -> Result<ProgramArray<MapData>, ObjectError> {
    let refused = |source: MapError| ObjectError::Connect { source };
    let map = ebpf.take_map(PROGRAMS).ok_or_else(|| {
        refused(MapError::InvalidName {
            name: PROGRAMS.to_owned(),
        })
    });
    let mut programs = map.and_then(|map| ProgramArray::try_from(map).map_err(refused))?;
    for (name, place) in places {
        let descriptor = find(ebpf, name)?.fd();
        let descriptor = descriptor.map_err(|source| ObjectError::Program {
            what: "keep the XDP program",
            source,
        })?;
        programs.set(place, descriptor, 0).map_err(refused)?;
    }
    Ok(programs)
}

fn run(program: &Xdp, frame: &[u8]) -> Result<Duration, ObjectError> {
    let mut options = TestRunOptions::new();
    options.data_in = Some(frame);
    Ok(program.test_run(options).map_err(failed_to_run)?.duration)
}

fn failed_to_run(source: ProgramError) -> ObjectError {
    ObjectError::Program {
        what: "run the XDP program on a frame (BPF_PROG_TEST_RUN)",
        source,
    }
}

fn find<'a>(ebpf: &'a mut Ebpf, name: &'static str) -> Result<&'a mut Xdp, ObjectError> {
    let missing = || ObjectError::Program {
        what: "find the XDP program in the object",
        source: ProgramError::InvalidName {
            name: name.to_owned(),
        },
    };
    ebpf.program_mut(name)
        .ok_or_else(missing)?
        .try_into()
        .map_err(|source| ObjectError::Program {
            what: "find the XDP program in the object",
            source,
        })
}

#[cfg(test)]
mod tests;
