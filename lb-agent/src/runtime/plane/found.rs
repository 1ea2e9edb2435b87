//! What an earlier agent has left beside its services, and how that is given back.

use std::collections::BTreeMap;

use lb_common::control::Control;
use lb_common::vlan::VlanKey;

use super::{Plane, chain};
use crate::config::model::XdpMode;
use crate::dataplane::xdp::attach::{Attached, Mode, mode_on};
use crate::dataplane::xdp::gate::Numbers;
use crate::dataplane::xdp::maps::{Led, Maps};
use crate::dataplane::xdp::pins::Pins;
use crate::net::link;
use crate::net::netlink::Connection;

/// What an agent changes before [`Plane::apply`], as it was before.
pub(super) struct Found {
    /// Times and stations.
    control: Box<Control>,
    /// How packets leave.
    exits: BTreeMap<u32, Led>,
    /// Which interfaces tagged frames belong to.
    vlans: BTreeMap<VlanKey, u32>,
    /// The interfaces that carry the program, and in which mode, as far as the kernel tells.
    linked: BTreeMap<u32, Option<Mode>>,
    /// A flow table has another size now.
    has_new_tables: bool,
}

impl Found {
    /// What stands in `maps` and is pinned, before anything is set; `has_new_tables`: but for flows.
    pub(super) fn read(maps: &Maps, pins: &Pins, has_new_tables: bool) -> Self {
        Self {
            control: Box::new(maps.read_control()),
            exits: maps.exits(),
            vlans: maps.vlans(),
            linked: pins
                .linked()
                .into_iter()
                .map(|index| (index, mode_on(index)))
                .collect(),
            has_new_tables,
        }
    }
}

/// What another `xdp_flow_table_size` has cost, although the agent does not run. The programs that packets
/// are handed to are the new ones already; the one on the interfaces, which has IPv4 without tags, is the
/// earlier agent's, with its own table.
const NEW_TABLES: &str = "the flow tables have another size already (`xdp_flow_table_size`): connections of \
     IPv6, of SCTP and by VLANs are placed anew with their next packet, and those of IPv4 when an agent is \
     started";

impl Plane {
    /// The agent does not run after all: what an earlier agent has left is as it was found, unless
    /// [`Self::apply`] has changed something: then it is `None`, and nothing is done. Otherwise it gives
    /// what is not as it was: why interfaces do not carry the program any more that did, and what has
    /// become of connections if the flow tables have another size.
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
        let restored = [
            self.maps.restore_exits(&found.exits),
            self.maps.set_vlans(&found.vlans),
        ];
        let mut changed: Vec<String> = restored
            .into_iter()
            .filter_map(|it| it.err().map(|error| chain(&error)))
            .collect();
        self.maps.restore_control(&found.control);
        self.gates().reset(&Numbers::default());
        changed.extend(self.attach_again(&found.linked));
        changed.extend(found.has_new_tables.then(|| NEW_TABLES.to_owned()));
        Some(changed)
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
