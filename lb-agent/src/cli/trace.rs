//! `lb-agent trace`: what becomes of packets, one line each, as they come. Only those that the XDP
//! program sees: a service that is with IPVS has none.

use std::collections::HashMap;
use std::io::{self, Write as _};
use std::net::IpAddr;
use std::process::ExitCode;
use std::time::Duration;

use jiff::tz::TimeZone;
use lb_common::address6::{Address6, words};
use lb_common::trace::{Event, Filter};
use thiserror::Error;
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::yield_now;
use tokio::time::{MissedTickBehavior, interval};

use super::InstanceArguments;
use super::dump::error::DumpError;
use super::dump::read::{read, surroundings};
use crate::dataplane::xdp::maps::Maps;
use crate::dataplane::xdp::pins::Pins;
use crate::dataplane::xdp::trace::{TraceError, Tracer};
use crate::dataplane::xdp::view::{Surroundings, View};
use crate::observe::dump::Format;
use crate::observe::model::BackendView;
use crate::observe::trace::{self, TraceView};
use crate::observe::vip::Vip;
use crate::runtime::clock;
use crate::track::wait_for;

/// How often it is said that somebody reads, and looked at what servers there are.
const RENEW: Duration = Duration::from_secs(1);

/// All servers are looked at again at most so often for the sake of one that is not known.
const LOOK_AGAIN: Duration = Duration::from_millis(100);

/// So many packets are printed before clock and signals have their turn again.
const AT_A_TIME: usize = 100;

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    instance: InstanceArguments,
    /// Only packets of this client, and what goes back to it.
    #[arg(long, value_name = "ADDR")]
    client: Option<IpAddr>,
    /// Only packets to this virtual address, and what comes back from it.
    #[arg(long, value_name = "ADDR[:PORT]")]
    vip: Option<Vip>,
    /// End after so many.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    count: Option<u64>,
    /// At most so many in a second of each CPU; what is left out is counted.
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    rate: u32,
    /// For people, or for programs: one JSON object in each line (docs/trace.md).
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// Why nothing is traced.
#[derive(Debug, Error)]
enum Failure {
    #[error(
        "the agent called \"{instance}\" has no XDP program here: nothing to trace; `lb-agent dump \
         services` says who carries its virtual servers, and why"
    )]
    NoProgram { instance: String },
    #[error("{0}")]
    Look(Box<DumpError>),
    #[error(transparent)]
    Trace(#[from] TraceError),
    #[error("{0}")]
    Io(#[from] io::Error),
}

#[expect(clippy::print_stderr, reason = "the answer of the command")]
pub(super) fn main(arguments: &Arguments) -> ExitCode {
    match run(arguments) {
        Ok(()) => ExitCode::SUCCESS,
        // Whoever has read enough has closed the pipe.
        Err(Failure::Io(error)) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(error) => {
            let causes = std::iter::successors(
                Some(&error as &(dyn std::error::Error + 'static)),
                |error| error.source(),
            );
            let texts: Vec<String> = causes.map(ToString::to_string).collect();
            eprintln!("{}", texts.join(": "));
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> Result<(), Failure> {
    let instance = &arguments.instance.instance;
    let (status, silent, maps) = read(instance).map_err(|error| Failure::Look(Box::new(error)))?;
    let maps = maps.ok_or_else(|| Failure::NoProgram {
        instance: instance.clone(),
    })?;
    let surroundings = surroundings(&status, silent);
    let pins = Pins::of(instance);
    let tracer = Tracer::prepare(&pins, &maps, &arguments.filter())?;
    let mut printer = Printer {
        known: Known::default(),
        looked: clock::monotonic(),
        maps: &maps,
        surroundings: &surroundings,
        epoch: nanoseconds(clock::since_1970()) - nanoseconds(clock::monotonic()),
        format: arguments.format,
        left: arguments.count,
        zone: TimeZone::system(),
    };
    tracer.renew(clock::monotonic());
    printer.begin()?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(follow(tracer, &mut printer))
}

/// Prints what is told until there is enough, or a signal ends it.
async fn follow(tracer: Tracer, printer: &mut Printer<'_>) -> Result<(), Failure> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut hangup = signal(SignalKind::hangup())?;
    let mut second = interval(RENEW);
    second.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut tracer = wait_for(tracer)?;
    loop {
        tokio::select! {
            _ = interrupt.recv() => return Ok(()),
            _ = terminate.recv() => return Ok(()),
            _ = hangup.recv() => return Ok(()),
            _ = second.tick() => {
                tracer.get_ref().check()?;
                tracer.get_ref().renew(clock::monotonic());
                printer.look();
            }
            ready = tracer.readable_mut() => {
                let mut ready = ready?;
                for _ in 0..AT_A_TIME {
                    let Some(event) = ready.get_inner_mut().take_event() else {
                        ready.clear_ready();
                        break;
                    };
                    if !printer.print(&event)? {
                        return Ok(());
                    }
                }
                yield_now().await;
            }
        }
    }
}

impl Arguments {
    fn filter(&self) -> Filter {
        let of = |address: Option<IpAddr>| address.map_or([0; 2], to_words);
        Filter {
            client: of(self.client),
            vip: of(self.vip.map(|vip| vip.address)),
            port: self.vip.and_then(|vip| vip.port).unwrap_or(0).to_be(),
            pad: 0,
            rate: self.rate,
        }
    }
}

/// An address as packets' are told, those of IPv4 mapped.
fn to_words(address: IpAddr) -> Address6 {
    words(match address {
        IpAddr::V4(address) => address.to_ipv6_mapped(),
        IpAddr::V6(address) => address,
    })
}

fn nanoseconds(time: Duration) -> i128 {
    i128::try_from(time.as_nanos()).unwrap_or(0)
}

/// Servers and their schedulers by slot, as they were when we looked last.
type Known = HashMap<u32, (BackendView, Option<String>)>;

/// Makes lines of packets.
struct Printer<'a> {
    known: Known,
    /// When that was, by the monotonic clock.
    looked: Duration,
    maps: &'a Maps,
    surroundings: &'a Surroundings,
    epoch: i128,
    format: Format,
    left: Option<u64>,
    zone: TimeZone,
}

impl Printer<'_> {
    /// Says that packets are being traced.
    fn begin(&mut self) -> io::Result<()> {
        self.look();
        match self.format {
            Format::Table => write_line(TraceView::HEADINGS),
            Format::Json => Ok(()),
        }
    }

    /// Looks at what servers there are.
    fn look(&mut self) {
        self.looked = clock::monotonic();
        let view = View::new(self.maps, self.surroundings);
        let backends = view.backends().into_iter();
        self.known = backends
            .map(|it| {
                let scheduler = view.scheduler(it.slot).map(str::to_owned);
                (it.slot, (it, scheduler))
            })
            .collect();
    }

    /// Prints a packet; `false`: that was the last one.
    fn print(&mut self, event: &Event) -> io::Result<bool> {
        let slot = u32::from(event.slot);
        // A server that has just come, or one that has gone meanwhile: of those there may be many packets.
        if slot != 0
            && !self.known.contains_key(&slot)
            && clock::monotonic().saturating_sub(self.looked) >= LOOK_AGAIN
        {
            self.look();
        }
        let server = self.known.get(&slot);
        let packet = TraceView::of(
            event,
            trace::Surroundings {
                epoch: self.epoch,
                interface: self
                    .surroundings
                    .interfaces
                    .get(&event.ifindex)
                    .map(String::as_str),
                server: server.map(|(backend, _)| backend),
                scheduler: server.and_then(|(_, scheduler)| scheduler.as_deref()),
            },
        );
        write_line(&match self.format {
            Format::Table => packet.line(&self.zone),
            Format::Json => serde_json::to_string(&packet).map_err(io::Error::from)?,
        })?;
        if let Some(left) = &mut self.left {
            *left -= 1;
        }
        Ok(self.left != Some(0))
    }
}

/// Writes a line now: somebody waits for it.
fn write_line(line: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{line}")?;
    out.flush()
}
