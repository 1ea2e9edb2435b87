//! The network and who plays in it.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use lb_tests::http::Tally;
use lb_tests::{Agent, Layout, Mode, Namespace, Probe, Site, configurations, now, wait_until};

use super::screen::{Screen, duration, say};

/// The network, with an agent in each director that has one.
///
/// The agents come first: they end before their namespaces do.
#[derive(Debug)]
pub(super) struct Stage {
    pub(super) agents: [Option<Agent>; 2],
    pub(super) site: Site,
    configurations: [String; 2],
}

impl Stage {
    /// Builds the network. No agent runs yet.
    pub(super) fn build(mode: Mode) -> Result<Self> {
        let start = now();
        let site = Site::new(Layout::demo(mode))?;
        println!("{}", picture(&site.layout));
        say(format_args!(
            "Eight or so network namespaces on this machine, made in {}.",
            duration(start.elapsed())
        ));
        Ok(Self {
            agents: [None, None],
            site,
            configurations: configurations::demo(mode),
        })
    }

    /// Starts the agent of director 1 or 2 (`which` 0 or 1).
    pub(super) fn start(&mut self, which: usize) -> Result<()> {
        let director = self.site.directors.get(which).context("no such director")?;
        let text = self.configurations.get(which).context("no such director")?;
        let agent = Agent::start(director, text)?;
        *self.agents.get_mut(which).context("no such director")? = Some(agent);
        Ok(())
    }

    /// The agent of a director.
    pub(super) fn agent(&mut self, which: usize) -> Result<&mut Agent> {
        self.agents
            .get_mut(which)
            .and_then(Option::as_mut)
            .with_context(|| format!("no agent runs in director {}", which + 1))
    }

    /// Takes the agent of a director, to end it.
    pub(super) fn take(&mut self, which: usize) -> Result<Agent> {
        self.agents
            .get_mut(which)
            .and_then(Option::take)
            .with_context(|| format!("no agent runs in director {}", which + 1))
    }

    /// Waits until a director has the virtual address, and only it.
    pub(super) fn wait_for_master(&self, which: usize, limit: Duration) -> Result<()> {
        let wanted = self.site.directors.get(which).map(Namespace::name);
        let alone = || {
            let masters = self.site.masters().ok()?;
            let [master] = *masters.as_slice() else {
                return None;
            };
            (Some(master.name()) == wanted).then_some(())
        };
        wait_until(limit, alone)
            .with_context(|| format!("director {} is not MASTER after {limit:?}", which + 1))
    }

    /// Sends requests from the client, one after the other.
    pub(super) fn requests(&self, count: usize) -> Result<Tally> {
        let target = self.site.service();
        self.site
            .client
            .enter(|| Ok(Tally::of(count, target, None)))
    }

    /// A client that never stops asking.
    pub(super) fn probe(&self) -> Result<Probe> {
        let probe = Probe::start(&self.site.client, self.site.service())?;
        let served = probe.wait_for(now(), Duration::from_secs(5), |_| true);
        ensure!(served.is_ok(), "the service does not answer");
        Ok(probe)
    }

    /// Tells how to play with the network.
    pub(super) fn invite(&self, screen: &Screen) {
        let (client, service) = (self.site.client.name(), self.site.service());
        let [first, second] = self.site.directors.each_ref().map(Namespace::name);
        say("The network stays up until Ctrl-C. In another terminal:");
        screen.quote(&format!(
            "ip netns exec {client} curl http://{service}/\n\
             ip netns exec {first} ip address\n\
             lb-agent dump all --instance {first}\n\
             lb-agent dump services --stats --instance {second}"
        ));
    }
}

/// Who is where.
fn picture(layout: &Layout) -> String {
    let [director1, director2] = layout.outside.directors;
    let [server1, server2] = layout.servers;
    let (client, address, mode) = (layout.client, layout.virtual_address, layout.mode);
    format!(
        "
          client {client}
                   │
      ─────────────┴───────────── one bridge, virtual address {address}:80
          │                 │
      director 1        director 2        lb-agent, {mode}
      {director1:<15}   {director2:<15}
          │                 │
      ────┴────┬────────┬───┴────
              rs1      rs2                nginx
       {server1:>15}  {server2}
"
    )
}
