//! The interfaces of the data plane: the program on them, and the device map that lets packets
//! leave by them.

use std::collections::{BTreeMap, BTreeSet};

use super::{Fallback, Plane, PlaneError, chain};
use crate::config::model::XdpMode;
use crate::dataplane::below::Native;
use crate::dataplane::port::{Need, Port, Ports, Wanted};
use crate::dataplane::xdp::attach::{AttachError, Attached, Mode, mode_on};
use crate::dataplane::xdp::maps::MapsError;
use crate::net::link::Link;

impl Plane {
    /// Makes the interfaces that are wanted usable, and says what has come of each. What is in use
    /// already stays in use; [`Self::close`] ends that.
    ///
    /// Where packets leave is ready before the program is where they arrive.
    pub fn open(&mut self, wanted: &[Wanted]) -> Ports {
        self.set_stations(wanted);
        let mut programs = BTreeMap::new();
        let attach = |plane: &mut Self, programs: &mut BTreeMap<u32, _>, ingress: bool| {
            for it in wanted.iter().filter(|it| it.ingress == ingress) {
                let program = programs.entry(it.link.index);
                program.or_insert_with(|| plane.provide(it));
            }
        };
        for it in wanted {
            self.adopt_above(it);
        }
        // What an earlier agent has left there forwards already. Whoever is above it would want it another
        // way, and take it off for that.
        for it in wanted {
            if self.is_left(it) {
                programs.insert(it.link.index, self.provide(it));
            }
        }
        attach(self, &mut programs, false);
        let _first = self.add_egress(wanted, false);
        attach(self, &mut programs, true);
        let mut refused = self.add_egress(wanted, true);
        let untaken = self.add_vlans(wanted);
        if !untaken.is_empty() {
            for (it, why) in untaken {
                let program = self.leave_to_itself(it, why);
                programs.insert(it.link.index, program);
            }
            refused = self.add_egress(wanted, true);
        }
        let stay = self.carriers(wanted);
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
            let driver = self.driver(it, &stay);
            let sends = driver.as_ref().map_or(index, |driver| driver.index);
            let port = Port {
                name: it.link.name.clone(),
                kind: it.link.kind.clone(),
                not_native: self.not_native(it),
                program,
                driver,
                listed,
                takes_frames: it.egress.then(|| self.takes_frames(sends)).flatten(),
            };
            ports.insert(index, port);
        }
        ports
    }

    /// Whether an earlier agent has left the program on an interface where it is wanted for what arrives
    /// there, and it has not been taken over yet.
    fn is_left(&self, wanted: &Wanted) -> bool {
        let index = wanted.link.index;
        wanted.ingress
            && wanted.native == Native::Itself
            && self.attachments.mode(index).is_none()
            && self.pins.link(index).exists()
    }

    /// Takes over what an earlier agent has left in generic mode above another interface, which it keeps free of
    /// programs.
    fn adopt_above(&mut self, wanted: &Wanted) {
        let index = wanted.link.index;
        let Native::Below(below) = &wanted.native else {
            return;
        };
        let is_known = self.attachments.mode(index).is_some();
        if is_known || !wanted.ingress || !self.pins.link(index).exists() {
            return;
        }
        let is_there = mode_on(index) == Some(Mode::Generic);
        if is_there && self.attach_one(&wanted.link, XdpMode::Generic).is_ok() {
            self.lower.note_generic(&wanted.link, below);
        }
    }

    /// Ends the use of every interface that is not wanted.
    pub fn close(&mut self, wanted: &[Wanted]) -> Result<(), PlaneError> {
        let egress: Vec<u32> = egress(wanted).collect();
        self.maps.keep_exits(&egress);
        self.lower.keep(wanted);
        self.keep_vlans(wanted);
        let programs = self.carriers(wanted);
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

    /// The interfaces that carry the program as long as this is wanted.
    pub(super) fn carriers(&self, wanted: &[Wanted]) -> BTreeSet<u32> {
        let useful = wanted.iter().filter(|it| useless(it).is_none());
        useful
            .map(|it| self.lower.carrier(it.link.index).unwrap_or(it.link.index))
            .collect()
    }

    /// An interface is gone, and what was attached to it with it.
    pub fn forget(&mut self, index: u32) {
        self.lower.forget(index);
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
        if !matches!(wanted.native, Native::Below(_)) || useless(wanted).is_some() {
            self.lower.release(wanted.link.index);
        }
        if let Some(why) = useless(wanted) {
            return Err(why);
        }
        let mode = match wanted.need {
            Need::None | Need::Driver => XdpMode::Native,
            Need::Packets => wanted.mode,
        };
        let link = &wanted.link;
        let why = match &wanted.native {
            Native::Itself => return self.attach(link, mode).map_err(|error| chain(&error)),
            Native::Nowhere(why) => why.clone(),
            Native::Below(below) => match self.provide_below(wanted, below, mode) {
                Ok(()) => return Ok(Mode::Native),
                Err(why) if wanted.need == Need::Driver => return Err(why),
                Err(why) => {
                    self.lower.note_generic(link, below);
                    why
                }
            },
        };
        self.attach_generic(link, &why)
            .map_err(|error| chain(&error))
    }

    /// Attaches the program to an interface that has no native XDP, unless it is there.
    pub(super) fn attach_generic(&mut self, link: &Link, why: &str) -> Result<Mode, AttachError> {
        if let Some(attached) = self.attachments.mode(link.index) {
            return Ok(attached);
        }
        let Attached { mode, .. } = self.attach_as(link, XdpMode::Generic)?;
        tracing::info!("XDP program attached to {} ({mode}): {why}", link.name);
        Ok(mode)
    }

    /// Attaches the program to one interface, unless it is there.
    pub(super) fn attach(&mut self, link: &Link, mode: XdpMode) -> Result<Mode, AttachError> {
        if let Some(attached) = self.attachments.mode(link.index) {
            if !self.may_be_native(link, attached, mode) {
                return Ok(attached);
            }
            let (name, mtu) = (&link.name, link.mtu);
            tracing::info!("the MTU of {name} is {mtu} now: trying native mode again");
            self.forget(link.index);
        }
        let Attached { mode, not_native } = self.attach_as(link, mode)?;
        tracing::info!("XDP program attached to {} ({mode})", link.name);
        if mode == Mode::Generic {
            let mtu = link.mtu;
            self.fallbacks
                .insert(link.index, Fallback { mtu, not_native });
        }
        Ok(mode)
    }

    /// Why the program does not run in native mode on an interface that carries it, if that was
    /// wanted.
    fn not_native(&self, wanted: &Wanted) -> Option<String> {
        let index = wanted.link.index;
        let carried = self.lower.carrier(index).is_some();
        if carried || self.attachments.mode(index) != Some(Mode::Generic) {
            return None;
        }
        match &wanted.native {
            Native::Itself => self.fallbacks.get(&index)?.not_native.clone(),
            Native::Below(_) => self.lower.reason(index).cloned(),
            Native::Nowhere(why) => Some(why.clone()),
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

    /// The kernel takes no program below one in generic mode. If that is what is in the way, those above are
    /// without for a moment; once, if it does not help.
    pub(super) fn attach_as(
        &mut self,
        link: &Link,
        mode: XdpMode,
    ) -> Result<Attached, AttachError> {
        let outcome = self.attach_one(link, mode);
        let is_busy = matches!(outcome, Err(AttachError::Busy { .. }));
        let above = self.generic_above(link.index);
        if !is_busy
            || above.is_empty()
            || self.lower.is_futile(link)
            || mode_on(link.index).is_some()
        {
            return outcome;
        }
        for it in &above {
            if let Err(error) = self.attachments.release(it.index) {
                tracing::warn!("{error}");
            }
        }
        let outcome = self.attach_one(link, mode);
        if outcome.is_err() {
            self.lower.note_futile(link);
        }
        for it in &above {
            if let Err(error) = self.attach_one(it, XdpMode::Generic) {
                tracing::error!("{}", chain(&error));
            }
        }
        outcome
    }

    fn attach_one(&mut self, link: &Link, mode: XdpMode) -> Result<Attached, AttachError> {
        let (index, name) = (link.index, &link.name);
        self.attachments
            .attach(&mut self.object, &self.pins, index, name, mode)
    }

    /// Lets packets leave by what is wanted, besides the interfaces they leave by already. Gives
    /// the reason for each that is refused.
    fn add_egress(
        &mut self,
        wanted: &[Wanted],
        settled: bool,
    ) -> Result<BTreeMap<u32, String>, String> {
        match self.maps.add_exits(&self.exits(wanted, settled)) {
            Ok(()) => Ok(BTreeMap::new()),
            Err(MapsError::Egress { refused }) => Ok(refused.into_iter().collect()),
            Err(error) => Err(chain(&error)),
        }
    }

    /// Sets which frames are for this host where the program is or will be.
    fn set_stations(&mut self, wanted: &[Wanted]) {
        let below = wanted.iter().filter_map(|it| match &it.native {
            Native::Below(below) => Some(below),
            Native::Itself | Native::Nowhere(_) => None,
        });
        // Frames to a bond arrive by its ports. Those to the VMAC of an interface above are taken everywhere.
        let below = below.flat_map(|below| {
            let mac = below.link.mac;
            let arrivals = below.arrivals.iter().map(move |port| (port.index, mac));
            arrivals.chain([(below.link.index, mac)])
        });
        let links = wanted.iter().map(|it| (it.link.index, it.link.mac));
        let wanted: BTreeMap<u32, [u8; 6]> = below.chain(links).collect();
        // What is not wanted any more is in use until it is closed.
        let attachments = &self.attachments;
        self.stations
            .retain(|index, _| attachments.mode(*index).is_some() || wanted.contains_key(index));
        self.stations.extend(wanted);
        let stations = self.stations.iter().map(|(index, mac)| (*index, *mac));
        self.maps.set_stations(stations);
    }

    pub(super) fn takes_frames(&mut self, index: u32) -> Option<bool> {
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

/// Where packets leave.
fn egress(wanted: &[Wanted]) -> impl Iterator<Item = u32> {
    wanted.iter().filter(|it| it.egress).map(|it| it.link.index)
}

/// Why the program would be of no use on an interface, if it would not.
fn useless(wanted: &Wanted) -> Option<String> {
    match (wanted.need, &wanted.native) {
        (Need::None, _) => Some("`xdp_interfaces` does not name it".to_owned()),
        (Need::Driver, Native::Nowhere(why)) => Some(why.clone()),
        (Need::Driver, _) if wanted.mode == XdpMode::Generic => {
            Some("`xdp_mode` is generic".to_owned())
        }
        (Need::Driver, Native::Itself | Native::Below(_)) | (Need::Packets, _) => None,
    }
}
