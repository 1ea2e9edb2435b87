//! What there is to read of an agent: the pinned maps, the kernel's IPVS, the status file, and what
//! the agent itself says of its checks.

use std::time::Duration;

use super::error::DumpError;
use crate::control::client;
use crate::control::protocol::{Request, Response};
use crate::dataplane::xdp::attach::Mode;
use crate::dataplane::xdp::gate::Numbers;
use crate::dataplane::xdp::maps::Maps;
use crate::dataplane::xdp::pins::Pins;
use crate::dataplane::xdp::view::{Surroundings, View};
use crate::net::ipvs::Ipvs;
use crate::observe::model::{
    AttachmentView, CheckView, InstanceView, PunctualityView, ServiceView,
};
use crate::observe::rates::{Look, with_rates};
use crate::runtime::clock;
use crate::runtime::status::{Status, StatusFile};

/// How long `--rate` waits between two looks.
const RATE_INTERVAL: Duration = Duration::from_secs(1);

/// How long the agent may take to answer.
const ANSWER_TAKES: Duration = Duration::from_secs(30);

/// What its checkers hold, and how punctual they are: the agent alone knows that.
pub(super) fn checks(
    instance: &str,
) -> Result<(Vec<CheckView>, Option<PunctualityView>), DumpError> {
    answer(client::call(instance, &Request::Checks, ANSWER_TAKES)?)
}

/// An agent that was started from an older program says nothing of punctuality.
fn answer(response: Response) -> Result<(Vec<CheckView>, Option<PunctualityView>), DumpError> {
    let Some(checks) = response.checks else {
        return Err(DumpError::Refused(response.text));
    };
    Ok((checks, response.punctuality))
}

pub(super) fn attachments(status: &Status) -> Vec<AttachmentView> {
    let attached = status.attached.iter();
    let view = |(interface, mode): (&String, &Mode)| AttachmentView {
        interface: interface.clone(),
        mode: *mode,
    };
    attached.map(view).collect()
}

/// What there is of an agent: its status file with its age, and its maps.
pub(in crate::cli) fn read(
    instance: &str,
) -> Result<(Status, Option<Duration>, Option<Maps>), DumpError> {
    let status = StatusFile::new(instance).read().ok();
    let pins = Pins::of(instance);
    let maps = if pins.may_exist() {
        Some(open(&pins)?)
    } else {
        None
    };
    match status {
        Some((status, age)) => Ok((status, Some(age), maps)),
        None if maps.is_none() => Err(DumpError::Nothing {
            instance: instance.to_owned(),
        }),
        None => Ok((Status::default(), None, maps)),
    }
}

/// The instances as they were when the agent wrote last, and older by what has passed since.
pub(super) fn instances(
    mut instances: Vec<InstanceView>,
    silent: Option<Duration>,
) -> Vec<InstanceView> {
    for instance in &mut instances {
        instance.in_state += silent.unwrap_or_default();
    }
    instances
}

fn open(pins: &Pins) -> Result<Maps, DumpError> {
    Maps::open(pins).map_err(|error| {
        if error.is_permission() {
            DumpError::Permission { what: error }
        } else {
            DumpError::Maps(error)
        }
    })
}

pub(in crate::cli) fn surroundings(status: &Status, silent: Option<Duration>) -> Surroundings {
    Surroundings {
        instances: by_gate(&status.gates),
        interfaces: status.interfaces.clone(),
        groups: status
            .groups
            .iter()
            .map(|it| (it.first(), it.group.clone()))
            .collect(),
        unresolved: status.unresolved.clone(),
        silent: silent.unwrap_or_default(),
    }
}

/// The instances in the order of their gates, which need not be that of the configuration.
fn by_gate(gates: &Numbers) -> Vec<String> {
    let last = gates.iter().map(|(_, gate)| gate).max().unwrap_or(0);
    let name = |gate: u16| {
        let found = gates.iter().find(|(_, of)| *of == gate);
        found.map_or_else(|| format!("instance {gate}"), |(name, _)| name.to_owned())
    };
    (1..=last).map(name).collect()
}

/// The kernel's IPVS, if services of ours are there. Nothing is loaded.
pub(super) fn kernel(status: &Status) -> Option<Ipvs> {
    if status.ipvs.is_empty() {
        return None;
    }
    Ipvs::open_if_loaded().ok().flatten()
}

/// Flows of IPv4 and of IPv6 that there is room for; with IPVS alone, the buckets of its one table.
pub(super) fn flow_table_sizes(maps: Option<&Maps>, ipvs: Option<&mut Ipvs>) -> [u64; 2] {
    match (maps, ipvs) {
        (Some(maps), _) => maps.flow_capacity().map(|flows| flows as u64),
        (None, Some(ipvs)) => [ipvs.info().map_or(0, |info| info.table_size.into()), 0],
        (None, None) => [0, 0],
    }
}

pub(super) fn services(view: &View<'_>, rate: bool) -> Result<Vec<ServiceView>, DumpError> {
    let before = look(view)?;
    if !rate {
        return Ok(before.services);
    }
    std::thread::sleep(RATE_INTERVAL);
    Ok(with_rates(&before, look(view)?))
}

fn look(view: &View<'_>) -> Result<Look, DumpError> {
    let services = view.services()?;
    let at = clock::now();
    Ok(Look { at, services })
}

#[cfg(test)]
mod tests;
