//! What an earlier agent has left beside its services, and how that is given back.

use std::collections::BTreeMap;

use lb_common::control::Control;
use lb_common::vlan::VlanKey;

use super::{Plane, chain};
use crate::config::model::XdpMode;
use crate::dataplane::xdp::attach::{Attached, Mode, mode_on};
use crate::dataplane::xdp::gate::Numbers;
use crate::dataplane::xdp::maps::Maps;
use crate::dataplane::xdp::pins::Pins;
use crate::net::link;
use crate::net::netlink::Connection;

/// What an agent changes before [`Plane::apply`], as it was before.
pub(super) struct Found {
    /// Times and stations.
    control: Box<Control>,
    /// Where packets leave.
    egress: Vec<u32>,
    /// Which interfaces tagged frames belong to.
    vlans: BTreeMap<VlanKey, u32>,
    /// The interfaces that carry the program, and in which mode, as far as the kernel tells.
    linked: BTreeMap<u32, Option<Mode>>,
}

impl Found {
    /// What stands in `maps` and is pinned, before anything is set.
    pub(super) fn read(maps: &Maps, pins: &Pins) -> Self {
        Self {
            control: Box::new(maps.read_control()),
            egress: maps.egress(),
            vlans: maps.vlans(),
            linked: pins
                .linked()
                .into_iter()
                .map(|index| (index, mode_on(index)))
                .collect(),
        }
    }
}

impl Plane {
    /// The agent does not run after all: what an earlier agent has left is as it was found, unless
    /// [`Self::apply`] has changed something: then it is `None`, and nothing is done. Otherwise it gives
    /// why interfaces do not carry the program any more that did.
    ///
    /// Not the gates: the addresses of instances are taken away, as nobody is in charge of them. An
    /// interface that carried the program in another mode keeps the new one; one that has refused that has
    /// the old one again.
    pub fn give_back(&mut self) -> Option<Vec<String>> {
        let found = self.found.take()?;
        let new = self.attachments.iter().map(|(index, _, _)| index);
        let new: Vec<u32> = new
            .filter(|index| !found.linked.contains_key(index))
            .collect();
        for index in new {
            self.forget(index);
        }
        self.maps.keep_exits(&found.egress);
        if let Err(error) = self.maps.set_vlans(&found.vlans) {
            tracing::warn!("{}", chain(&error));
        }
        self.maps.restore_control(&found.control);
        self.gates().reset(&Numbers::default());
        Some(self.attach_again(&found.linked))
    }

    /// Where an old attachment was given up for one that was refused the program is attached as it was.
    /// What keeps it from that is given.
    fn attach_again(&mut self, linked: &BTreeMap<u32, Option<Mode>>) -> Vec<String> {
        let is_gone =
            |index: u32| self.attachments.mode(index).is_none() && !self.pins.link(index).exists();
        let gone = linked.iter().filter(|(index, _)| is_gone(**index));
        let gone: Vec<(u32, XdpMode)> = gone
            .filter_map(|(index, mode)| {
                let mode = match (*mode)? {
                    Mode::Native => XdpMode::Native,
                    Mode::Generic => XdpMode::Generic,
                };
                Some((*index, mode))
            })
            .collect();
        if gone.is_empty() {
            return Vec::new();
        }
        let links = Connection::open().and_then(|mut connection| link::list(&mut connection));
        let links = match links {
            Ok(links) => links,
            Err(error) => return vec![chain(&error)],
        };
        let mut refused = Vec::new();
        for (index, mode) in gone {
            // The interface itself may have gone.
            let Some(link) = links.iter().find(|link| link.index == index) else {
                continue;
            };
            match self.attach_as(link, mode) {
                Ok(Attached { mode, .. }) => {
                    tracing::info!("XDP program attached to {} ({mode}), as before", link.name);
                }
                Err(error) => refused.push(chain(&error)),
            }
        }
        refused
    }
}
