//! A load balancer at work, on a network of namespaces.

mod interrupt;
mod screen;
mod stage;
mod story;

use anyhow::{Result, bail};
use lb_tests::{Cluster, Layout, Mode, configurations, needs, now};

use crate::cargo::build_agent;
use crate::setup;
use screen::{Screen, duration, say};

/// What is to be shown.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// How the directors hand packets on.
    #[arg(long, value_enum, default_value = "dr")]
    mode: Kind,
    /// Leave the network up at the end, for playing, until Ctrl-C.
    #[arg(long)]
    keep: bool,
    /// Wait for Enter between the steps.
    #[arg(long)]
    pause: bool,
}

/// `lb_kind`, as an argument.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Kind {
    /// Direct routing.
    Dr,
    /// IPIP tunnels.
    Tun,
    /// Address translation.
    Nat,
}

impl From<Kind> for Mode {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Dr => Self::Dr,
            Kind::Tun => Self::Tun,
            Kind::Nat => Self::Nat,
        }
    }
}

/// Builds everything, shows it and takes the network down, on Ctrl-C and after a failure as well.
pub(crate) fn run(options: &Options) -> Result<()> {
    setup::run(&[setup::Part::Build, setup::Part::Network])?;
    build_agent()?;
    if let Some(need) = needs::SITE.into_iter().find(|need| !need.is_met()) {
        bail!("the demo cannot run here: {need}");
    }
    interrupt::listen()?;
    let shown = show(options);
    if interrupt::came() {
        // The failure is only the echo of the interruption, and the clean-up is under way.
        interrupt::wait();
    }
    shown
}

/// Builds the network and tells the story; the network goes with the end of this.
fn show(options: &Options) -> Result<()> {
    let mode = options.mode.into();
    let layout = Layout::demo(mode);
    let screen = Screen::new(options.pause);
    println!("{}", stage::picture(&layout));
    let start = now();
    let mut cluster = Cluster::new(layout, configurations::demo(mode))?;
    let took = duration(start.elapsed());
    say(format_args!(
        "Every machine is a network namespace of this one; they stand after {took}."
    ));
    story::tell(&mut cluster, &screen)?;
    if options.keep {
        stage::invite(&cluster, &screen);
        interrupt::wait();
    }
    println!("\nTaking the network down.");
    Ok(())
}
