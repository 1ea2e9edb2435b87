//! The interfaces of the data plane: the program on them, and the device map that lets packets
//! leave by them.

use std::collections::{BTreeMap, BTreeSet};

use super::{Fallback, Plane, PlaneError, chain};
use crate::config::model::XdpMode;
use crate::dataplane::port::{Need, Port, Ports, Wanted, generic_only};
use crate::dataplane::xdp::attach::{AttachError, Attached, Mode};
use crate::dataplane::xdp::maps::MapsError;
use crate::net::link::Link;

impl Plane {
    /// Makes the interfaces that are wanted usable, and says what has come of each. What is in use
    /// already stays in use; [`Self::close`] ends that.
    ///
    /// Where packets leave is ready before the program is where they arrive.
    pub fn open(&mut self, wanted: &[Wanted]) -> Ports {
        let stations = wanted.iter().map(|it| (it.link.index, it.link.mac));
        self.stations.extend(stations);
        // What is not wanted any more is in use until it is closed.
        let attachments = &self.attachments;
        self.stations.retain(|index, _| {
            attachments.mode(*index).is_some() || wanted.iter().any(|it| it.link.index == *index)
        });
        let stations = self.stations.iter().map(|(index, mac)| (*index, *mac));
        self.maps.set_stations(stations);
        let mut programs = BTreeMap::new();
        let attach = |plane: &mut Self, programs: &mut BTreeMap<u32, _>, ingress: bool| {
            for it in wanted.iter().filter(|it| it.ingress == ingress) {
                programs.insert(it.link.index, plane.provide(it));
            }
        };
        attach(self, &mut programs, false);
        let refused = self.add_egress(wanted);
        attach(self, &mut programs, true);
        let mut ports = Ports::new();
        for it in wanted {
            let index = it.link.index;
            let Some(program) = programs.remove(&index) else {
                continue;
            };
            let listed = match &refused {
                _ if !it.egress => Err("no packets are meant to leave there".to_owned()),
                Ok(refused) => refused.get(&index).map_or(Ok(()), |why| Err(why.clone())),
                Err(why) => Err(why.clone()),
            };
            let port = Port {
                name: it.link.name.clone(),
                kind: it.link.kind.clone(),
                not_native: self.not_native(&it.link),
                program,
                listed,
                takes_frames: it.egress.then(|| self.takes_frames(index)).flatten(),
            };
            ports.insert(index, port);
        }
        ports
    }

    /// Ends the use of every interface that is not wanted.
    pub fn close(&mut self, wanted: &[Wanted]) -> Result<(), PlaneError> {
        let egress: Vec<u32> = egress(wanted).collect();
        // That one could not be added was said when it was.
        let _said = self.maps.set_egress(&egress);
        let programs: BTreeSet<u32> = wanted
            .iter()
            .filter(|it| useless(it).is_none())
            .map(|it| it.link.index)
            .collect();
        let attached: Vec<(u32, String)> = self
            .attachments()
            .filter(|(index, _, _)| !programs.contains(index))
            .map(|(index, name, _)| (index, name.to_owned()))
            .collect();
        for (index, name) in attached {
            self.attachments.detach(index)?;
            tracing::info!("XDP program taken off {name}");
        }
        self.drop_stale_pins(&programs);
        Ok(())
    }

    /// An interface is gone, and what was attached to it with it.
    pub fn forget(&mut self, index: u32) {
        if let Err(error) = self.attachments.detach(index) {
            tracing::warn!("{error}");
        }
    }

    /// Notifications were lost: an interface may have gone, and with it what was attached to it, and
    /// another one may be there under its number.
    pub fn forget_lost(&mut self) {
        for index in self.attachments.lost() {
            self.forget(index);
        }
    }

    /// Sees to it that an interface carries the program if it needs it.
    fn provide(&mut self, wanted: &Wanted) -> Result<Mode, String> {
        if let Some(why) = useless(wanted) {
            return Err(why);
        }
        let mode = match wanted.need {
            Need::None | Need::Driver => XdpMode::Native,
            Need::Packets => wanted.mode,
        };
        self.attach(&wanted.link, mode)
            .map_err(|error| chain(&error))
    }

    /// Attaches the program to one interface, unless it is there.
    fn attach(&mut self, link: &Link, mode: XdpMode) -> Result<Mode, AttachError> {
        if let Some(attached) = self.attachments.mode(link.index) {
            if !self.may_be_native(link, attached, mode) {
                return Ok(attached);
            }
            let (name, mtu) = (&link.name, link.mtu);
            tracing::info!("the MTU of {name} is {mtu} now: trying native mode again");
            self.forget(link.index);
        }
        let Some(kind) = generic_only(&link.kind) else {
            let Attached { mode, not_native } = self.attach_as(link, mode)?;
            tracing::info!("XDP program attached to {} ({mode})", link.name);
            if mode == Mode::Generic {
                let mtu = link.mtu;
                self.fallbacks
                    .insert(link.index, Fallback { mtu, not_native });
            }
            return Ok(mode);
        };
        let Attached { mode, .. } = self.attach_as(link, XdpMode::Generic)?;
        let name = &link.name;
        tracing::info!(
            "XDP program attached to {name} ({mode}): {}",
            bare(name, kind)
        );
        Ok(mode)
    }

    /// Why the program does not run in native mode on an interface that carries it, if that was
    /// wanted.
    fn not_native(&self, link: &Link) -> Option<String> {
        if self.attachments.mode(link.index) != Some(Mode::Generic) {
            return None;
        }
        match generic_only(&link.kind) {
            Some(kind) => Some(bare(&link.name, kind)),
            None => self.fallbacks.get(&link.index)?.not_native.clone(),
        }
    }

    /// Whether native mode, which was refused, may work now: with a smaller MTU. The program is off
    /// the interface for a moment then, so nothing else is reason enough.
    fn may_be_native(&self, link: &Link, attached: Mode, wanted: XdpMode) -> bool {
        let refused_at = self.fallbacks.get(&link.index);
        attached == Mode::Generic
            && wanted == XdpMode::Auto
            && refused_at.is_some_and(|it| link.mtu < it.mtu)
    }

    pub(super) fn attach_as(
        &mut self,
        link: &Link,
        mode: XdpMode,
    ) -> Result<Attached, AttachError> {
        let (index, name) = (link.index, &link.name);
        self.attachments
            .attach(&mut self.object, &self.pins, index, name, mode)
    }

    /// Lets packets leave by what is wanted, besides the interfaces they leave by already. Gives
    /// the reason for each that is refused.
    fn add_egress(&mut self, wanted: &[Wanted]) -> Result<BTreeMap<u32, String>, String> {
        let mut all: BTreeSet<u32> = self.maps.egress().into_iter().collect();
        all.extend(egress(wanted));
        let all: Vec<u32> = all.into_iter().collect();
        match self.maps.set_egress(&all) {
            Ok(()) => Ok(BTreeMap::new()),
            Err(MapsError::Egress { refused }) => Ok(refused.into_iter().collect()),
            Err(error) => Err(chain(&error)),
        }
    }

    fn takes_frames(&mut self, index: u32) -> Option<bool> {
        let answer = self.netdev.as_mut()?.takes_frames(index);
        answer
            .inspect_err(|error| tracing::debug!("{error}"))
            .ok()
            .flatten()
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
}

/// What keeps native mode off an interface of this kind.
fn bare(name: &str, kind: &str) -> String {
    format!("{name} is {kind}, where the kernel has no native XDP")
}

/// Where packets leave.
fn egress(wanted: &[Wanted]) -> impl Iterator<Item = u32> {
    wanted.iter().filter(|it| it.egress).map(|it| it.link.index)
}

/// Why the program would be of no use on an interface, if it would not.
fn useless(wanted: &Wanted) -> Option<String> {
    match (wanted.need, generic_only(&wanted.link.kind)) {
        (Need::None, _) => Some("`xdp_interfaces` does not name it".to_owned()),
        (Need::Driver, Some(kind)) => {
            Some(format!("it is {kind}, where the kernel has no native XDP"))
        }
        (Need::Driver, None) if wanted.mode == XdpMode::Generic => {
            Some("`xdp_mode` is generic".to_owned())
        }
        (Need::Driver, None) | (Need::Packets, _) => None,
    }
}
