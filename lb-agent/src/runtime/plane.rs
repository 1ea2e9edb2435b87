//! The data plane in operation: the loaded program, its maps, what is installed and attached.
//!
//! It carries out; what is desired comes from [`super::director`].

use std::collections::BTreeSet;
use std::hash::{BuildHasher as _, RandomState};
use std::time::{Duration, Instant};

use lb_common::flow::state;
use thiserror::Error;

use crate::config::model::XdpMode;
use crate::dataplane::desired::Desired;
use crate::dataplane::installed::Installed;
use crate::dataplane::plan::{PlanError, plan};
use crate::dataplane::xdp::attach::{AttachError, Attachments, Mode};
use crate::dataplane::xdp::clock::{MEASURE, Ticks};
use crate::dataplane::xdp::gate::Gates;
use crate::dataplane::xdp::maps::{Maps, MapsError};
use crate::dataplane::xdp::object::{Object, ObjectError};
use crate::dataplane::xdp::pins::{Pins, PinsError};
use crate::net::link::Link;
use crate::runtime::clock;

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
    /// Attachment.
    #[error(transparent)]
    Attach(#[from] AttachError),
    /// Pins.
    #[error(transparent)]
    Pins(#[from] PinsError),
    /// Detaching.
    #[error("cannot take the XDP program off its interfaces")]
    Detach(#[source] std::io::Error),
}

/// The XDP data plane of one agent.
pub struct Plane {
    pins: Pins,
    object: Object,
    maps: Maps,
    installed: Installed,
    attachments: Attachments,
    ticks: Ticks,
}

impl Plane {
    /// Loads the program, adopting what an earlier agent has left, with every gate but that of no
    /// instance disarmed. Takes a tenth of a second: the kernel's clock is measured.
    pub fn load(instance: &str, deadman: Duration) -> Result<Self, PlaneError> {
        let pins = Pins::of(instance);
        let adopted = pins.may_exist();
        let loaded = Self::load_into(pins.clone(), adopted, deadman);
        if loaded.is_err() && !adopted {
            // Maps are pinned before the verifier has seen the program.
            pins.remove()?;
        }
        loaded
    }

    fn load_into(pins: Pins, adopted: bool, deadman: Duration) -> Result<Self, PlaneError> {
        let mut object = Object::load(&pins)?;
        let maps = Maps::open(&pins)?;
        Gates::new(maps.control()).reset();
        let ticks = measure(&mut object, &maps)?;
        let secret = match maps.read_control().secret {
            0 => RandomState::new().hash_one(clock::now()),
            // The flows that are there were placed with this one.
            secret => secret,
        };
        let timeouts: Vec<u32> = state::TIMEOUTS
            .map(|seconds| ticks.of(Duration::from_secs(seconds.into())))
            .to_vec();
        maps.set_control(secret, ticks.hertz(), ticks.jiffies(deadman), &timeouts);
        let installed = maps.installed()?;
        if adopted {
            tracing::info!(
                "adopted the data plane of an earlier agent: {} services",
                installed.services.len()
            );
        }
        Ok(Self {
            pins,
            object,
            maps,
            installed,
            attachments: Attachments::default(),
            ticks,
        })
    }

    /// The gates, for the VRRP thread.
    pub fn gates(&self) -> Gates {
        Gates::new(self.maps.control())
    }

    /// What the program is attached to: index, name, mode.
    pub fn attachments(&self) -> impl Iterator<Item = (u32, &str, Mode)> {
        self.attachments.iter()
    }

    /// Brings the maps to what is desired.
    pub fn apply(&mut self, desired: &Desired) -> Result<(), PlaneError> {
        for operation in plan(desired, &self.installed, self.ticks)? {
            self.maps.execute(&operation)?;
            self.installed.record(&operation);
        }
        Ok(())
    }

    /// Says that the agent is alive.
    pub fn heartbeat(&mut self) -> Result<(), PlaneError> {
        Ok(self.object.heartbeat()?)
    }

    /// Attaches the program to exactly these interfaces. What cannot be attached is said and does
    /// not keep the others from being served; the last such error comes back.
    pub fn attach_to(&mut self, links: &[&Link], mode: XdpMode) -> Result<(), PlaneError> {
        let mut outcome = Ok(());
        let wanted: BTreeSet<u32> = links.iter().map(|link| link.index).collect();
        let attached: Vec<u32> = self.attachments.iter().map(|(index, _, _)| index).collect();
        for index in attached.into_iter().filter(|index| !wanted.contains(index)) {
            self.attachments.detach(index).map_err(PlaneError::Detach)?;
        }
        for link in links {
            if self.attachments.contains(link.index) {
                continue;
            }
            match self.attachments.attach(
                &mut self.object,
                &self.pins,
                link.index,
                &link.name,
                mode,
            ) {
                Ok(mode) => tracing::info!("XDP program attached to {} ({mode})", link.name),
                Err(error) => {
                    tracing::error!("{error}");
                    outcome = Err(error.into());
                }
            }
        }
        self.drop_stale_pins(&wanted);
        outcome
    }

    /// Attachments that an earlier agent pinned and nobody wants any more.
    fn drop_stale_pins(&self, wanted: &BTreeSet<u32>) {
        for index in self
            .pins
            .linked()
            .into_iter()
            .filter(|index| !wanted.contains(index))
        {
            if let Err(error) = std::fs::remove_file(self.pins.link(index)) {
                tracing::warn!("cannot remove the old attachment to interface {index}: {error}");
            }
        }
    }

    /// Takes the program off every interface.
    pub fn detach(&mut self) -> Result<(), PlaneError> {
        self.attachments.detach_all().map_err(PlaneError::Detach)
    }

    /// Lets packets leave by these interfaces.
    pub fn set_egress(&mut self, interfaces: &[u32]) -> Result<(), PlaneError> {
        Ok(self.maps.set_egress(interfaces)?)
    }

    /// Takes everything out of the kernel.
    pub fn remove(mut self) -> Result<(), PlaneError> {
        self.detach()?;
        Ok(self.pins.remove()?)
    }
}

/// Two heartbeats, a while apart.
fn measure(object: &mut Object, maps: &Maps) -> Result<Ticks, PlaneError> {
    let mut sample = || -> Result<(u64, Instant), PlaneError> {
        object.heartbeat()?;
        Ok((maps.read_control().heartbeat, clock::now()))
    };
    let (before, start) = sample()?;
    std::thread::sleep(MEASURE);
    let (after, end) = sample()?;
    Ok(Ticks::measured(
        after.wrapping_sub(before),
        end.duration_since(start),
    ))
}
