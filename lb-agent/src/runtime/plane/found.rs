//! What an earlier agent has left beside its services, and how that is given back.

use std::collections::BTreeSet;

use lb_common::control::Control;

use super::{Plane, chain};
use crate::dataplane::xdp::gate::Numbers;
use crate::dataplane::xdp::maps::Maps;
use crate::dataplane::xdp::pins::Pins;

/// What an agent changes before [`Plane::apply`], as it was before.
pub(super) struct Found {
    /// Times and stations.
    control: Box<Control>,
    /// Where packets leave.
    egress: Vec<u32>,
    /// The interfaces that carry the program.
    linked: BTreeSet<u32>,
}

impl Found {
    /// What stands in `maps` and is pinned, before anything is set.
    pub(super) fn read(maps: &Maps, pins: &Pins) -> Self {
        Self {
            control: Box::new(maps.read_control()),
            egress: maps.egress(),
            linked: pins.linked().into_iter().collect(),
        }
    }
}

impl Plane {
    /// The agent does not run after all: what an earlier agent has left is as it was found, unless
    /// [`Self::apply`] has changed something. Whether that is so; if not, nothing is done.
    ///
    /// Not the gates: the addresses of instances are taken away, as nobody is in charge of them. An
    /// interface that carried the program in another mode keeps the new one.
    pub fn give_back(&mut self) -> bool {
        let Some(found) = self.found.take() else {
            return false;
        };
        let new = self.attachments.iter().map(|(index, _, _)| index);
        let new: Vec<u32> = new.filter(|index| !found.linked.contains(index)).collect();
        for index in new {
            self.forget(index);
        }
        if let Err(error) = self.maps.set_egress(&found.egress) {
            tracing::warn!("{}", chain(&error));
        }
        self.maps.restore_control(&found.control);
        self.gates().reset(&Numbers::default());
        true
    }
}
