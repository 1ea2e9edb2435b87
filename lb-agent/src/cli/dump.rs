//! `lb-agent dump`: reads the pinned maps, the kernel's IPVS and the status file, asks the agent for its
//! checks, and changes nothing.

pub(super) mod error;
pub(super) mod read;

use std::io::{self, Write as _};
use std::process::ExitCode;

use clap::ValueEnum;

use self::error::DumpError;
use self::read::{
    attachments, checks, flow_table_sizes, instances, kernel, read, services, surroundings,
};
use super::InstanceArguments;
use crate::dataplane::ipvs::connections as ipvs_connections;
use crate::dataplane::ipvs::view as ipvs_view;
use crate::dataplane::xdp::view::View;
use crate::net::ipvs::Ipvs;
use crate::observe::dump::{Dump, Format};
use crate::observe::model::{AgentView, Checks};
use crate::observe::services::Columns;
use crate::observe::vip::Vip;
use crate::runtime::status::Status;

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

impl Arguments {
    fn wants(&self, section: Section) -> bool {
        self.section == section || self.section == Section::All
    }
}

fn dump(arguments: &Arguments) -> Result<(), DumpError> {
    let instance = &arguments.instance.instance;
    let (status, silent, maps) = read(instance)?;
    let surroundings = surroundings(&status, silent);
    let view = maps.as_ref().map(|maps| View::new(maps, &surroundings));
    let mut ipvs = kernel(&status);
    let [flow_table_size, flow_table_size6] = flow_table_sizes(maps.as_ref(), ipvs.as_mut());
    let mut dump = Dump::new(AgentView {
        version: if status.version.is_empty() {
            env!("CARGO_PKG_VERSION").to_owned()
        } else {
            status.version.clone()
        },
        flow_table_size,
        flow_table_size6,
        silent,
    });
    let says = arguments.wants(Section::Vrrp) || arguments.wants(Section::Checks);
    of_agent(&mut dump, arguments, &status)?;
    match &view {
        Some(view) => of_xdp(&mut dump, arguments, view, &status)?,
        None if !status.planes.is_empty() || says => {}
        None => return Err(DumpError::no_plane(instance, arguments.section)),
    }
    if let Some(ipvs) = &mut ipvs {
        of_ipvs(&mut dump, arguments, ipvs, &status)?;
    }
    if arguments.wants(Section::Services) && !status.planes.is_empty() {
        dump.services.get_or_insert_default();
        dump.planes = Some(status.planes);
    }
    if dump.services.is_some() {
        dump.by_hand = Some(status.by_hand);
    }
    if let Some(vip) = arguments.vip {
        let names = view
            .as_ref()
            .map_or_else(Vec::new, |view| view.named_by(vip));
        if !dump.keep(vip, &names) {
            return Err(DumpError::NoMatch(vip));
        }
    }
    let mut out = io::BufWriter::new(io::stdout().lock());
    dump.write(&mut out, arguments.format, columns(arguments))?;
    Ok(out.flush()?)
}

/// What the agent alone knows: its status file tells it, and it answers for its checkers.
fn of_agent(dump: &mut Dump<'_>, arguments: &Arguments, status: &Status) -> Result<(), DumpError> {
    if arguments.wants(Section::Vrrp) {
        dump.vrrp = Some(instances(status.vrrp.clone(), dump.agent.silent));
        dump.statics = Some(status.statics);
    }
    if arguments.wants(Section::Checks) {
        dump.checks = Some(match checks(&arguments.instance.instance) {
            Ok((checks, punctuality)) => {
                dump.punctuality = punctuality;
                Checks::Known(checks)
            }
            Err(error) if arguments.section == Section::Checks => return Err(error),
            Err(error) => Checks::Unknown(error.to_string()),
        });
    }
    Ok(())
}

/// What stands in the maps, and where the program is.
fn of_xdp<'v>(
    dump: &mut Dump<'v>,
    arguments: &Arguments,
    view: &'v View<'_>,
    status: &Status,
) -> Result<(), DumpError> {
    if arguments.wants(Section::Services) {
        dump.services = Some(services(view, arguments.rate)?);
    }
    if arguments.wants(Section::Backends) {
        dump.backends = Some(view.backends());
        dump.interfaces = Some(attachments(status));
    }
    if arguments.wants(Section::Connections) {
        dump.connections = Some(Box::new(view.connections().chain(view.remembered())));
    }
    if arguments.wants(Section::Drops) {
        dump.reasons = Some(view.reasons()?);
    }
    Ok(())
}

/// What the kernel's IPVS has of ours, behind what XDP has.
fn of_ipvs(
    dump: &mut Dump<'_>,
    arguments: &Arguments,
    ipvs: &mut Ipvs,
    status: &Status,
) -> Result<(), DumpError> {
    if arguments.wants(Section::Services) {
        let services = ipvs_view::services(&ipvs.table()?, &status.ipvs);
        dump.services.get_or_insert_default().extend(services);
    }
    if arguments.wants(Section::Connections) {
        let more = ipvs_connections::read(&status.ipvs)?.into_iter();
        dump.connections = Some(match dump.connections.take() {
            Some(first) => Box::new(first.chain(more)),
            None => Box::new(more),
        });
    }
    Ok(())
}

const fn columns(arguments: &Arguments) -> Columns {
    match (arguments.stats, arguments.rate) {
        (true, _) => Columns::Stats,
        (false, true) => Columns::Rate,
        (false, false) => Columns::Connections,
    }
}
