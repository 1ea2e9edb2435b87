//! The data plane in operation: the loaded program, its maps, what is installed and attached.
//!
//! It carries out; what is desired comes from [`super::director`].

mod below;
mod found;
mod interfaces;
mod times;

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::hash::{BuildHasher as _, RandomState};
use std::net::IpAddr;
use std::time::{Duration, Instant};

use thiserror::Error;

use self::below::Lower;
use self::found::Found;
pub use self::times::Times;
use crate::config::model::FlowTableSize;
use crate::dataplane::desired::Desired;
use crate::dataplane::installed::Installed;
use crate::dataplane::plan::{PlanError, plan, plan_since, steps};
use crate::dataplane::xdp::attach::{Attachments, DetachError, Mode};
use crate::dataplane::xdp::clock::{MEASURE, TOGETHER, TRIES, Ticks};
use crate::dataplane::xdp::flow_tables::FlowTables;
use crate::dataplane::xdp::gate::{Gates, Numbers};
use crate::dataplane::xdp::maps::{Maps, MapsError};
use crate::dataplane::xdp::object::{Object, ObjectError};
use crate::dataplane::xdp::pins::{Pins, PinsError};
use crate::dataplane::xdp::unresolved::Replies;
use crate::net::ethtool::Ethtool;
use crate::net::netdev::Netdev;
use crate::runtime::clock;

/// How long the program need not hear that the agent is alive while there is much to change.
const BEAT: Duration = Duration::from_secs(1);

/// Operations that are carried out side by side before the program hears of the agent. Where threads
/// are short each of them waits for a grace period of its own.
const BETWEEN_BEATS: usize = 128;

/// Why the data plane does not do what it should.
#[derive(Debug, Error)]
pub enum PlaneError {
    /// Program.
    #[error(transparent)]
    Object(#[from] ObjectError),
    /// Maps.
    #[error(transparent)]
    Maps(#[from] MapsError),
    /// Capacity.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// Pins.
    #[error(transparent)]
    Pins(#[from] PinsError),
    /// Detaching.
    #[error(transparent)]
    Detach(#[from] DetachError),
}

/// Generic mode on an interface whose kind has a native one.
struct Fallback {
    /// The MTU at that time.
    mtu: u32,
    /// Why, unless generic mode was asked for.
    not_native: Option<String>,
}

/// The XDP data plane of one agent.
pub struct Plane {
    pins: Pins,
    object: Object,
    maps: Maps,
    installed: Installed,
    /// What was desired last, if all of it is installed.
    settled: Option<Desired>,
    attachments: Attachments,
    ticks: Ticks,
    /// An earlier agent has left it so, and no service has been changed since.
    found: Option<Found>,
    /// When the program heard last that the agent is alive.
    beaten: Instant,
    /// Somebody traces and does not read; his programs are to go with him.
    is_trace_paused: bool,
    /// The MAC of each interface that is in use.
    stations: BTreeMap<u32, [u8; 6]>,
    /// Interfaces that run in generic mode although their kind has a native one.
    fallbacks: BTreeMap<u32, Fallback>,
    /// Who knows what drivers can do; `None`: this kernel does not tell.
    netdev: Option<Netdev>,
    /// Who knows what cards do to tags; `None`: this kernel does not tell.
    ethtool: Option<RefCell<Ethtool>>,
    /// Interfaces below others.
    lower: Lower,
    /// Sends replies whose next hop is not known; `None`: it cannot.
    _replies: Option<Replies>,
}

impl Plane {
    /// Loads the program with flow tables of this size, adopting what an earlier agent has left, with the gates as
    /// [`Gates::reset`] has them for those of `gates`. What is of no use is removed, and everything made anew. Takes a tenth of
    /// a second: the kernel's clock is measured.
    pub fn load(
        instance: &str,
        tables: FlowTableSize,
        times: Times,
        gates: &Numbers,
    ) -> Result<Self, PlaneError> {
        let (pins, tables) = (Pins::of(instance), FlowTables::from(tables));
        let mut released = pins.linked();
        let mut loaded = if let Some(adopted) = Self::adopt(&pins, tables, times, gates)? {
            adopted
        } else {
            let made = Self::load_into(pins.clone(), tables, times, gates).or_else(|error| {
                // Maps are pinned before the verifier has seen the program.
                pins.remove()?;
                Err(error)
            });
            made?.0
        };
        // Theirs forward until now.
        released.extend(pins.remove_other_versions()?);
        loaded.attachments.note_released(released);
        Ok(loaded)
    }

    /// Takes over what an earlier agent of this version has left, if that is any good.
    fn adopt(
        pins: &Pins,
        tables: FlowTables,
        times: Times,
        gates: &Numbers,
    ) -> Result<Option<Self>, PlaneError> {
        if !pins.may_exist() {
            return Ok(None);
        }
        let loaded = match Self::load_into(pins.clone(), tables, times, gates) {
            // What works goes on as it is: nobody's connections end for the sake of a size.
            Err(PlaneError::Object(error @ ObjectError::NoMemory { .. }))
                if FlowTables::are_pinned(pins) =>
            {
                tracing::warn!(
                    "{}; the flow tables of the earlier agent stay",
                    chain(&error)
                );
                Self::load_into(pins.clone(), FlowTables::pinned(pins), times, gates)
            }
            other => other,
        };
        match loaded {
            Ok((mut adopted, found)) => {
                adopted.found = Some(found);
                tracing::info!(
                    "adopted the data plane of an earlier agent: {} services",
                    adopted.installed.services.len()
                );
                Ok(Some(adopted))
            }
            // Nobody can make anything anew there.
            Err(error @ (PlaneError::Pins(_) | PlaneError::Object(ObjectError::Pins(_)))) => {
                Err(error)
            }
            Err(error) => {
                tracing::warn!(
                    "cannot adopt the data plane of an earlier agent, its connections are lost: {}",
                    chain(&error)
                );
                pins.remove()?;
                Ok(None)
            }
        }
    }

    /// The data plane that is pinned, or made, and how it was found.
    fn load_into(
        pins: Pins,
        tables: FlowTables,
        times: Times,
        gates: &Numbers,
    ) -> Result<(Self, Found), PlaneError> {
        let mut object = Object::load_with(&pins, tables)?;
        let mut maps = Maps::open(&pins)?;
        let found = Found::read(&maps, &pins, object.has_new_tables());
        maps.clear_left_traffic()?;
        Gates::new(maps.control()).reset(gates);
        let ticks = measure(&mut object, &maps)?;
        let secret = match maps.read_control().secret {
            0 => RandomState::new().hash_one(clock::now()),
            // The flows that are there were placed with this one.
            secret => secret,
        };
        set_control(&maps, ticks, secret, times);
        let installed = maps.installed()?;
        let replies = replies(&pins);
        let plane = Self {
            pins,
            object,
            maps,
            installed,
            settled: None,
            attachments: Attachments::default(),
            ticks,
            found: None,
            beaten: clock::now(),
            is_trace_paused: false,
            stations: BTreeMap::new(),
            fallbacks: BTreeMap::new(),
            netdev: netdev(),
            ethtool: ethtool(),
            lower: Lower::default(),
            _replies: replies,
        };
        Ok((plane, found))
    }

    /// The gates, for the VRRP thread.
    pub fn gates(&self) -> Gates {
        Gates::new(self.maps.control())
    }

    /// The addresses that the maps have services for, at first those that an earlier agent has left.
    pub fn addresses(&self) -> BTreeSet<IpAddr> {
        self.installed
            .services
            .keys()
            .map(|it| it.address)
            .collect()
    }

    /// What the program is attached to: index, name, mode.
    pub fn attachments(&self) -> impl Iterator<Item = (u32, &str, Mode)> {
        self.attachments.iter()
    }

    /// What was desired last, if all of it is installed.
    pub const fn settled(&self) -> Option<&Desired> {
        self.settled.as_ref()
    }

    /// Brings the maps to what is desired.
    pub fn apply(&mut self, desired: Desired) -> Result<(), PlaneError> {
        let before = self.settled.take();
        let plan = plan_since(before.as_ref(), &desired, &self.installed, self.ticks)?;
        self.found = None;
        for some in steps(&plan).flat_map(|step| step.chunks(BETWEEN_BEATS)) {
            self.maps.execute_all(some)?;
            for operation in some {
                self.installed.record(operation);
            }
            if clock::now().saturating_duration_since(self.beaten) >= BEAT {
                self.beat()?;
            }
        }
        self.settled = Some(desired);
        Ok(())
    }

    /// Whether [`Self::apply`] would find room for what is desired beside what is there.
    pub fn has_room(&self, desired: &Desired) -> Result<(), PlaneError> {
        plan(desired, &self.installed, self.ticks)?;
        Ok(())
    }

    /// The times are others.
    pub fn set_times(&self, times: Times) {
        let secret = self.maps.read_control().secret;
        set_control(&self.maps, self.ticks, secret, times);
    }

    /// Says that the agent is alive, and counts connections where that matters.
    pub fn heartbeat(&mut self) -> Result<(), PlaneError> {
        self.beat()?;
        let is_stale = self.maps.end_stale_trace(clock::monotonic());
        self.is_trace_paused &= !self.maps.is_traced();
        if is_stale || self.is_trace_paused {
            self.end_trace();
        }
        self.maps.take_census(&self.installed);
        Ok(())
    }

    /// Somebody who traces does not say that he reads: he was killed, now or after a while of this, or nobody
    /// takes his output.
    fn end_trace(&mut self) {
        if self.object.clear_left_trace(&self.pins) {
            self.is_trace_paused = false;
            tracing::info!(
                "a `lb-agent trace` is gone without a word: packets are not traced any more"
            );
        } else if !self.is_trace_paused {
            self.is_trace_paused = true;
            tracing::info!(
                "a `lb-agent trace` has stopped reading: packets are not traced until it goes on"
            );
        }
    }

    fn beat(&mut self) -> Result<(), PlaneError> {
        self.object.heartbeat()?;
        self.beaten = clock::now();
        Ok(())
    }

    /// Takes everything out of the kernel. What cannot be removed does not keep the rest.
    pub fn remove(mut self) -> Vec<PlaneError> {
        let left = self.attachments.detach_all().into_iter();
        let mut errors: Vec<PlaneError> = left.map(PlaneError::from).collect();
        errors.extend(self.pins.remove().err().map(PlaneError::from));
        errors
    }
}

fn set_control(maps: &Maps, ticks: Ticks, secret: u64, times: Times) {
    let timeouts = times.of_flows().map(|life| ticks.of(life));
    let deadman = ticks.jiffies(times.deadman);
    maps.set_control(secret, ticks.hertz(), deadman, &timeouts);
}

fn netdev() -> Option<Netdev> {
    Netdev::open()
        .inspect_err(|error| tracing::warn!("{error}; drivers are taken to be able"))
        .ok()
        .flatten()
}

fn ethtool() -> Option<RefCell<Ethtool>> {
    Ethtool::open()
        .inspect_err(|error| tracing::warn!("{error}; cards are taken to take VLAN tags off"))
        .ok()
        .flatten()
        .map(RefCell::new)
}

fn replies(pins: &Pins) -> Option<Replies> {
    let started = Replies::start(pins);
    let told = started.inspect_err(|error| {
        tracing::warn!(
            "{}: in NAT mode the first reply to a client whose MAC is not known is lost",
            chain(error)
        );
    });
    told.ok()
}

/// An error with its causes.
pub(super) fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    let texts: Vec<String> = causes.map(ToString::to_string).collect();
    texts.join(": ")
}

/// Two heartbeats, a while apart.
fn measure(object: &mut Object, maps: &Maps) -> Result<Ticks, PlaneError> {
    // Whoever gets no processor between the two clocks would take the kernel's for another.
    let mut sample = || -> Result<(u64, Instant), PlaneError> {
        let mut tries = 0..TRIES;
        loop {
            let before = clock::now();
            object.heartbeat()?;
            let after = clock::now();
            if after.duration_since(before) < TOGETHER || tries.next().is_none() {
                return Ok((maps.read_control().heartbeat, after));
            }
        }
    };
    let (before, start) = sample()?;
    std::thread::sleep(MEASURE);
    let (after, end) = sample()?;
    Ok(Ticks::measured(
        after.wrapping_sub(before),
        end.duration_since(start),
    ))
}
