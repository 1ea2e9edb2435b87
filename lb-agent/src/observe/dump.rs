//! One dump: the sections that were asked for, as text or as JSON.

use std::cell::RefCell;
use std::io::{self, Write};

use clap::ValueEnum;
use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};

use super::model::{
    AgentView, AttachmentView, BackendView, CarrierView, Checks, ConnectionView, Endpoint,
    HandView, InstanceView, PunctualityView, ReasonView, SCHEMA, ServiceView,
};
use super::services::Columns;
use super::vip::Vip;
use super::{attachments, backends, by_hand, checks, connections, planes, reasons, services, vrrp};
use crate::vrrp::status::StaticStats;

/// `--format`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people.
    #[default]
    Table,
    /// For programs: docs/dump.md.
    Json,
}

/// Flows, read while they are written.
pub type Connections<'a> = Box<dyn Iterator<Item = ConnectionView> + 'a>;

/// What is dumped. `None`: the section was not asked for, and is not written.
pub struct Dump<'a> {
    /// Who is being looked at.
    pub agent: AgentView,
    /// `vrrp`.
    pub vrrp: Option<Vec<InstanceView>>,
    /// What was put back of static addresses, routes and rules; with `vrrp`.
    pub statics: Option<StaticStats>,
    /// `services`.
    pub services: Option<Vec<ServiceView>>,
    /// What is set by hand; part of `services`.
    pub by_hand: Option<Vec<HandView>>,
    /// Who carries the virtual servers; with `services`.
    pub planes: Option<Vec<CarrierView>>,
    /// `checks`.
    pub checks: Option<Checks>,
    /// How punctual these are; with `checks`.
    pub punctuality: Option<PunctualityView>,
    /// `backends`.
    pub backends: Option<Vec<BackendView>>,
    /// Where the program is; with `backends`.
    pub interfaces: Option<Vec<AttachmentView>>,
    /// `connections`.
    pub connections: Option<Connections<'a>>,
    /// Why packets were not forwarded: `drops`.
    pub reasons: Option<Vec<ReasonView>>,
}

impl<'a> Dump<'a> {
    /// A dump without sections.
    pub const fn new(agent: AgentView) -> Self {
        Self {
            agent,
            vrrp: None,
            statics: None,
            services: None,
            by_hand: None,
            planes: None,
            checks: None,
            punctuality: None,
            backends: None,
            interfaces: None,
            connections: None,
            reasons: None,
        }
    }

    /// Keeps what belongs to `vip`; `names`: the endpoints that the virtual servers of XDP are named by which
    /// serve it. The reasons, and what was put back of static addresses and
    /// routes, are counted for all addresses together, who carries what is told of virtual servers
    /// as a whole, interfaces and the punctuality of all checks are everybody's, so these go. Gives
    /// whether anything is left; of the connections that is known only when they are read, so they
    /// count as something.
    pub fn keep(&mut self, vip: Vip, names: &[Endpoint]) -> bool {
        self.reasons = None;
        self.statics = None;
        self.planes = None;
        self.interfaces = None;
        self.punctuality = None;
        let instances = retain(&mut self.vrrp, |instance| vip.matches_instance(instance));
        let services = retain(&mut self.services, |service| vip.matches_service(service));
        retain(&mut self.by_hand, |it| {
            it.address.is_some_and(|address| vip.matches(&address))
        });
        let backends = retain(&mut self.backends, |backend| {
            vip.matches_backend(backend) || names.contains(&backend.r#virtual)
        });
        let checks = self.checks.take();
        self.checks = checks.and_then(|checks| vip.of_checks(checks));
        let checks = matches!(&self.checks, Some(Checks::Known(list)) if !list.is_empty());
        let connections = self.connections.take();
        let any = instances || services || checks || backends || connections.is_some();
        self.connections = connections.map(|all| -> Connections<'a> {
            Box::new(all.filter(move |connection| vip.matches_connection(connection)))
        });
        any
    }

    /// Writes the sections in the order of the fields.
    pub fn write(self, out: &mut dyn Write, format: Format, columns: Columns) -> io::Result<()> {
        match format {
            Format::Table => self.write_tables(out, columns),
            Format::Json => self.write_json(out),
        }
    }

    fn write_tables(self, out: &mut dyn Write, columns: Columns) -> io::Result<()> {
        let mut gap = Gap::default();
        if let Some(instances) = &self.vrrp {
            gap.write(out)?;
            vrrp::write(out, instances)?;
        }
        if let Some(statics) = self.statics.filter(|it| *it != StaticStats::default()) {
            gap.write(out)?;
            vrrp::write_statics(out, statics)?;
        }
        if let Some(list) = &self.services {
            gap.write(out)?;
            services::write(out, &self.agent, list, columns)?;
        }
        if let Some(list) = self.by_hand.as_ref().filter(|list| !list.is_empty()) {
            gap.write(out)?;
            by_hand::write(out, list)?;
        }
        if let Some(list) = &self.planes
            && planes::is_worth_a_word(list)
        {
            gap.write(out)?;
            planes::write(out, list)?;
        }
        if let Some(checks) = &self.checks {
            gap.write(out)?;
            checks::write(out, checks)?;
        }
        if let Some(list) = &self.backends {
            gap.write(out)?;
            backends::write(out, list)?;
        }
        if let Some(list) = self.interfaces.as_ref().filter(|list| !list.is_empty()) {
            gap.write(out)?;
            attachments::write(out, list)?;
        }
        if let Some(list) = self.connections {
            gap.write(out)?;
            connections::write(out, list)?;
        }
        if let Some(list) = &self.reasons {
            gap.write(out)?;
            reasons::write(out, list)?;
        }
        Ok(())
    }

    fn write_json(self, out: &mut dyn Write) -> io::Result<()> {
        let mut serializer = serde_json::Serializer::pretty(&mut *out);
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("version", &SCHEMA)?;
        map.serialize_entry("agent", &self.agent)?;
        entry(&mut map, "vrrp", self.vrrp.as_ref())?;
        entry(&mut map, "statics", self.statics.as_ref())?;
        entry(&mut map, "services", self.services.as_ref())?;
        entry(&mut map, "by_hand", self.by_hand.as_ref())?;
        entry(&mut map, "planes", self.planes.as_ref())?;
        let checks = self.checks.as_ref().map(|checks| match checks {
            Checks::Known(list) => Some(list),
            Checks::Unknown(_) => None,
        });
        entry(&mut map, "checks", checks.as_ref())?;
        entry(&mut map, "punctuality", self.punctuality.as_ref())?;
        entry(&mut map, "backends", self.backends.as_ref())?;
        entry(&mut map, "interfaces", self.interfaces.as_ref())?;
        let connections = self.connections.map(|list| Streamed(RefCell::new(list)));
        entry(&mut map, "connections", connections.as_ref())?;
        entry(&mut map, "reasons", self.reasons.as_ref())?;
        map.end()?;
        writeln!(out)
    }
}

fn entry<M: SerializeMap>(
    map: &mut M,
    name: &str,
    section: Option<&impl Serialize>,
) -> Result<(), M::Error> {
    match section {
        Some(section) => map.serialize_entry(name, section),
        None => Ok(()),
    }
}

/// Gives whether anything is left.
fn retain<T>(section: &mut Option<Vec<T>>, keep: impl FnMut(&T) -> bool) -> bool {
    section.as_mut().is_some_and(|list| {
        list.retain(keep);
        !list.is_empty()
    })
}

/// Writes an iterator as a JSON array without collecting it; once.
struct Streamed<'a>(RefCell<Connections<'a>>);

impl Serialize for Streamed<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(&mut *self.0.borrow_mut())
    }
}

/// The empty line between two sections.
#[derive(Default)]
struct Gap {
    wanted: bool,
}

impl Gap {
    fn write(&mut self, out: &mut dyn Write) -> io::Result<()> {
        if std::mem::replace(&mut self.wanted, true) {
            writeln!(out)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
