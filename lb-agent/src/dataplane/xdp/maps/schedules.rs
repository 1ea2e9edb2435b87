//! `SCHEDULES`: the tables that the program schedules by, each swapped as a whole.
//!
//! The kernel says that a table is swapped only when no program can see the old one any more: it
//! waits for an RCU grace period, some ten milliseconds, each time. Who waits at the same time
//! waits for the same one, so many tables are swapped side by side, each by a thread that does
//! nothing else.

use std::io;
use std::os::fd::{AsFd as _, OwnedFd};
use std::thread;

use aya::maps::{Array, ArrayOfMaps, Map, MapData};

use super::{MapsError, convert};
use crate::dataplane::schedule::Table;

const NAME: &str = "SCHEDULES";

/// `BPF_F_INNER_MAP`: inner arrays may differ in length (kernel 5.10).
const INNER_MAP: u32 = 1 << 12;

/// Threads at a time, each with two descriptors. The tables of all services there can be take as
/// many grace periods as each thread has to write one after another, 32.
const SIDE_BY_SIDE: usize = 128;

/// What a thread needs that makes system calls.
const STACK: usize = 128 << 10;

type Outer = ArrayOfMaps<MapData, Array<MapData, u32>>;

/// The map.
pub(super) struct Schedules {
    fd: OwnedFd,
    map: Outer,
}

impl Schedules {
    pub(super) fn new(data: &MapData) -> Result<Self, MapsError> {
        let own = || data.fd().as_fd().try_clone_to_owned();
        let fd = own().map_err(out_of_resources)?;
        let map = outer(&fd)?;
        Ok(Self { fd, map })
    }

    /// The table of a service; empty, if it never had one.
    pub(super) fn get(&self, service: u16) -> Table {
        let map = self.map.get(&u32::from(service), 0);
        map.map_or_else(
            |_| Table::default(),
            |map| Table::read(|place| map.get(&place, 0).ok()),
        )
    }

    /// Swaps the table of a service.
    pub(super) fn set(&mut self, service: u16, table: &Table) -> Result<(), MapsError> {
        set(&mut self.map, service, table)
    }

    /// Swaps the tables of several services. After an error some may be swapped and some not.
    pub(super) fn set_all(&mut self, tables: &[(u16, &Table)]) -> Result<(), MapsError> {
        let many = tables.len() > 1;
        if many && self.set_side_by_side(tables).is_ok() {
            return Ok(());
        }
        // One after another takes neither threads nor more than one descriptor, if these are short.
        let mut tables = tables.iter();
        tables.try_for_each(|(service, table)| self.set(*service, table))
    }

    fn set_side_by_side(&self, tables: &[(u16, &Table)]) -> Result<(), MapsError> {
        let each = tables.len().div_ceil(SIDE_BY_SIDE).max(1);
        thread::scope(|scope| {
            let write = |part| {
                let thread = thread::Builder::new().name("schedules".to_owned());
                let thread = thread.stack_size(STACK);
                thread.spawn_scoped(scope, move || self.set_part(part))
            };
            let writers: io::Result<Vec<_>> = tables.chunks(each).map(write).collect();
            let writers = writers.map_err(out_of_resources)?;
            writers.into_iter().try_for_each(|writer| {
                let outcome = writer.join();
                outcome.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
            })
        })
    }

    /// Swaps one table after another, through a handle of its own.
    fn set_part(&self, tables: &[(u16, &Table)]) -> Result<(), MapsError> {
        let mut map = outer(&self.fd)?;
        let mut tables = tables.iter();
        tables.try_for_each(|(service, table)| set(&mut map, *service, table))
    }
}

fn set(map: &mut Outer, service: u16, table: &Table) -> Result<(), MapsError> {
    let words = table.words();
    let count = u32::try_from(words.len()).unwrap_or(0);
    let write = MapsError::write(NAME);
    let mut inner = Array::create(count, INNER_MAP).map_err(&write)?;
    for (place, word) in (0..).zip(words) {
        inner.set(place, word, 0).map_err(&write)?;
    }
    map.set(u32::from(service), &inner, 0).map_err(&write)
}

/// One more handle of the map.
fn outer(fd: &OwnedFd) -> Result<Outer, MapsError> {
    let fd = fd.try_clone().map_err(out_of_resources)?;
    let map = MapData::from_fd(fd).and_then(Map::from_map_data);
    convert(NAME, map.map_err(MapsError::read(NAME))?)
}

fn out_of_resources(source: io::Error) -> MapsError {
    MapsError::read(NAME)(source.into())
}
