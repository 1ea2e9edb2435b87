//! `lb-agent dump`: reads the pinned maps, the kernel's IPVS and the status file, asks the agent for its
//! checks, and changes nothing.

use std::io::{self, Write as _};
use std::process::ExitCode;
use std::time::Duration;

use clap::ValueEnum;
use thiserror::Error;

use super::InstanceArguments;
use crate::control::client::{self, CallError};
use crate::control::protocol::Request;
use crate::dataplane::ipvs::connections as ipvs_connections;
use crate::dataplane::ipvs::view as ipvs_view;
use crate::dataplane::xdp::attach::Mode;
use crate::dataplane::xdp::gate::Numbers;
use crate::dataplane::xdp::maps::{Maps, MapsError};
use crate::dataplane::xdp::pins::Pins;
use crate::dataplane::xdp::view::{Surroundings, View};
use crate::net::ipvs::{Ipvs, IpvsError};
use crate::observe::dump::{Dump, Format};
use crate::observe::model::{
    AgentView, AttachmentView, CheckView, Checks, InstanceView, ServiceView,
};
use crate::observe::rates::{Look, with_rates};
use crate::observe::services::Columns;
use crate::observe::vip::Vip;
use crate::runtime::clock;
use crate::runtime::status::{Status, StatusFile};

/// How long `--rate` waits between two looks.
const RATE_INTERVAL: Duration = Duration::from_secs(1);

/// How long the agent may take to answer.
const ANSWER_TAKES: Duration = Duration::from_secs(30);

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// What to show.
    #[arg(value_enum)]
    section: Section,
    #[command(flatten)]
    instance: InstanceArguments,
    /// For people or for programs (docs/dump.md).
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    /// Only what belongs to this virtual address.
    #[arg(long, value_name = "ADDR[:PORT]")]
    vip: Option<Vip>,
    /// Services: packets and bytes.
    #[arg(long, conflicts_with = "rate")]
    stats: bool,
    /// Services: packets and bytes per second, measured now, for a second or so.
    #[arg(long)]
    rate: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Section {
    /// As `ipvsadm -Ln`.
    Services,
    /// As `ipvsadm -Lnc`.
    Connections,
    /// The VRRP instances.
    Vrrp,
    /// What every checker holds of its server, and why.
    Checks,
    /// Next hop, interface and generation of every real server, and where the program is.
    Backends,
    /// Why packets were not forwarded as usual, and how many.
    Drops,
    /// Everything.
    All,
}

/// Why there is nothing to show.
#[derive(Debug, Error)]
pub(super) enum DumpError {
    #[error(
        "no agent called \"{instance}\" runs here, and none has left anything behind; \
         `lb-agent run --config FILE` starts one"
    )]
    Nothing { instance: String },
    #[error("the agent called \"{instance}\" has no virtual servers, so no {section} either")]
    NoPlane { instance: String, section: String },
    #[error("{what}: root or CAP_BPF is needed to read the maps")]
    Permission { what: MapsError },
    #[error(transparent)]
    Maps(#[from] MapsError),
    #[error(transparent)]
    Ipvs(#[from] IpvsError),
    #[error(transparent)]
    Agent(#[from] CallError),
    #[error("{0}")]
    Refused(String),
    #[error("nothing of what was asked for belongs to {0}")]
    NoMatch(Vip),
    #[error("cannot write the answer")]
    Output(#[from] io::Error),
}

impl DumpError {
    fn no_plane(instance: &str, section: Section) -> Self {
        let name = section.to_possible_value();
        let name = name
            .as_ref()
            .map_or("section", clap::builder::PossibleValue::get_name);
        Self::NoPlane {
            instance: instance.to_owned(),
            section: name.to_owned(),
        }
    }
}

#[expect(clippy::print_stderr, reason = "the answer of the command")]
pub(super) fn main(arguments: &Arguments) -> ExitCode {
    match dump(arguments) {
        Ok(()) => ExitCode::SUCCESS,
        // Whoever has read enough of the list has closed the pipe.
        Err(DumpError::Output(error)) if error.kind() == io::ErrorKind::BrokenPipe => {
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn dump(arguments: &Arguments) -> Result<(), DumpError> {
    let instance = &arguments.instance.instance;
    let (status, silent, maps) = read(instance)?;
    let surroundings = surroundings(&status, silent);
    let by_hand = status.by_hand.clone();
    let view = maps.as_ref().map(|maps| View::new(maps, &surroundings));
    let mut ipvs = kernel(&status);
    let mut dump = Dump::new(AgentView {
        version: if status.version.is_empty() {
            env!("CARGO_PKG_VERSION").to_owned()
        } else {
            status.version.clone()
        },
        flow_table_size: flow_table_size(maps.as_ref(), ipvs.as_mut()),
        silent,
    });
    let wanted = |section| arguments.section == section || arguments.section == Section::All;
    if wanted(Section::Vrrp) {
        dump.vrrp = Some(instances(status.vrrp.clone(), silent));
    }
    if wanted(Section::Checks) {
        dump.checks = Some(match checks(instance) {
            Ok(checks) => Checks::Known(checks),
            Err(error) if arguments.section == Section::Checks => return Err(error),
            Err(error) => Checks::Unknown(error.to_string()),
        });
    }
    if wanted(Section::Backends) && maps.is_some() {
        dump.interfaces = Some(attachments(&status));
    }
    match &view {
        Some(view) => {
            if wanted(Section::Services) {
                dump.services = Some(services(view, arguments.rate)?);
                dump.by_hand = Some(by_hand);
            }
            if wanted(Section::Backends) {
                dump.backends = Some(view.backends());
            }
            if wanted(Section::Connections) {
                dump.connections = Some(Box::new(view.connections().chain(view.remembered())));
            }
            if wanted(Section::Drops) {
                dump.reasons = Some(view.reasons()?);
            }
        }
        None if !status.planes.is_empty() || wanted(Section::Vrrp) || wanted(Section::Checks) => {}
        None => return Err(DumpError::no_plane(instance, arguments.section)),
    }
    if let Some(ipvs) = &mut ipvs {
        if wanted(Section::Services) {
            let services = ipvs_view::services(&ipvs.table()?, &status.ipvs);
            dump.services.get_or_insert_default().extend(services);
        }
        if wanted(Section::Connections) {
            let more = ipvs_connections::read(&status.ipvs)?.into_iter();
            dump.connections = Some(match dump.connections.take() {
                Some(first) => Box::new(first.chain(more)),
                None => Box::new(more),
            });
        }
    }
    if wanted(Section::Services) && !status.planes.is_empty() {
        dump.services.get_or_insert_default();
        dump.planes = Some(status.planes);
    }
    if let Some(vip) = arguments.vip
        && !dump.keep(vip)
    {
        return Err(DumpError::NoMatch(vip));
    }
    let mut out = io::BufWriter::new(io::stdout().lock());
    dump.write(&mut out, arguments.format, columns(arguments))?;
    Ok(out.flush()?)
}

/// What its checkers hold: the agent alone knows that.
fn checks(instance: &str) -> Result<Vec<CheckView>, DumpError> {
    let response = client::call(instance, &Request::Checks, ANSWER_TAKES)?;
    response.checks.ok_or(DumpError::Refused(response.text))
}

fn attachments(status: &Status) -> Vec<AttachmentView> {
    let attached = status.attached.iter();
    let view = |(interface, mode): (&String, &Mode)| AttachmentView {
        interface: interface.clone(),
        mode: *mode,
    };
    attached.map(view).collect()
}

/// What there is of an agent: its status file with its age, and its maps.
pub(super) fn read(instance: &str) -> Result<(Status, Option<Duration>, Option<Maps>), DumpError> {
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
fn instances(mut instances: Vec<InstanceView>, silent: Option<Duration>) -> Vec<InstanceView> {
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

pub(super) fn surroundings(status: &Status, silent: Option<Duration>) -> Surroundings {
    Surroundings {
        instances: by_gate(&status.gates),
        interfaces: status.interfaces.clone(),
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
fn kernel(status: &Status) -> Option<Ipvs> {
    if status.ipvs.is_empty() {
        return None;
    }
    Ipvs::open_if_loaded().ok().flatten()
}

/// Flows that there is room for; with IPVS alone, the buckets of its table.
fn flow_table_size(maps: Option<&Maps>, ipvs: Option<&mut Ipvs>) -> u64 {
    match (maps, ipvs) {
        (Some(maps), _) => maps.flow_capacity() as u64,
        (None, Some(ipvs)) => ipvs.info().map_or(0, |info| info.table_size.into()),
        (None, None) => 0,
    }
}

const fn columns(arguments: &Arguments) -> Columns {
    match (arguments.stats, arguments.rate) {
        (true, _) => Columns::Stats,
        (false, true) => Columns::Rate,
        (false, false) => Columns::Connections,
    }
}

fn services(view: &View<'_>, rate: bool) -> Result<Vec<ServiceView>, DumpError> {
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
