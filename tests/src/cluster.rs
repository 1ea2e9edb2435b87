//! Two directors at work on a site.

use std::time::Duration;

use anyhow::{Context, Result};

use crate::agent::Agent;
use crate::clock::{now, wait_until};
use crate::http::Tally;
use crate::namespace::Namespace;
use crate::probe::Probe;
use crate::site::{Layout, Site};

/// Time for an election or a health check: well above what the configurations here ask for, since a guest
/// that has its processors emulated may take half a minute to load the XDP program alone.
pub const PATIENCE: Duration = Duration::from_mins(2);

/// A [`Site`] with an [`Agent`] in each director that has one.
///
/// Directors are counted from 0; their namespaces are called `director1` and `director2`.
#[derive(Debug)]
pub struct Cluster {
    // Before the site: agents end before their namespaces do.
    agents: [Option<Agent>; 2],
    /// The network.
    pub site: Site,
    /// The keepalived.conf of each director, read when its agent starts.
    pub configurations: [String; 2],
}

impl Cluster {
    /// Builds the network. No agent runs yet.
    pub fn new(layout: Layout, configurations: [String; 2]) -> Result<Self> {
        Ok(Self {
            agents: [None, None],
            site: Site::new(layout)?,
            configurations,
        })
    }

    /// Builds the network, starts both agents and waits until the service answers.
    ///
    /// The second starts when the first is MASTER, which it stays, whatever the configurations say.
    pub fn at_work(layout: Layout, configurations: [String; 2]) -> Result<Self> {
        let mut cluster = Self::new(layout, configurations)?;
        cluster.start(0)?;
        cluster.wait_for_master(0)?;
        cluster.start(1)?;
        cluster
            .agent(1)?
            .wait_for("Entering BACKUP STATE", PATIENCE)?;
        cluster.probe()?;
        Ok(cluster)
    }

    /// Starts the agent of a director.
    pub fn start(&mut self, director: usize) -> Result<()> {
        let machine = self
            .site
            .directors
            .get(director)
            .context("no such director")?;
        let text = self
            .configurations
            .get(director)
            .context("no such director")?;
        let agent = Agent::start(machine, text)?;
        *self.agents.get_mut(director).context("no such director")? = Some(agent);
        Ok(())
    }

    /// The agent of a director.
    pub fn agent(&mut self, director: usize) -> Result<&mut Agent> {
        let agent = self.agents.get_mut(director).and_then(Option::as_mut);
        agent.with_context(|| format!("no agent runs in director {}", director + 1))
    }

    /// Takes the agent of a director out, to end it.
    pub fn take(&mut self, director: usize) -> Result<Agent> {
        let agent = self.agents.get_mut(director).and_then(Option::take);
        agent.with_context(|| format!("no agent runs in director {}", director + 1))
    }

    /// Puts the agent of a director back.
    pub fn put(&mut self, director: usize, agent: Agent) -> Result<()> {
        *self.agents.get_mut(director).context("no such director")? = Some(agent);
        Ok(())
    }

    /// Waits until a director says that it has become MASTER since its agent was started, and has
    /// the virtual address.
    pub fn wait_for_master(&mut self, director: usize) -> Result<()> {
        self.agent(director)?
            .wait_for("Entering MASTER STATE", PATIENCE)?;
        let address = self.site.layout.virtual_address.to_string();
        let machine = self
            .site
            .directors
            .get(director)
            .context("no such director")?;
        wait_until(PATIENCE, || {
            machine.has_address(&address).ok()?.then_some(())
        })
        .with_context(|| {
            format!(
                "director {} is MASTER without the virtual address",
                director + 1
            )
        })
    }

    /// Sends requests from the client, one after the other.
    pub fn requests(&self, count: usize) -> Result<Tally> {
        let target = self.site.service();
        self.site
            .client
            .enter(|| Ok(Tally::of(count, target, None)))
    }

    /// A client that never stops asking; it has had an answer when this returns.
    pub fn probe(&self) -> Result<Probe> {
        answered(Probe::start(&self.site.client, self.site.service())?)
    }

    /// The same where no request is to be lost.
    pub fn patient_probe(&self) -> Result<Probe> {
        answered(Probe::patient(&self.site.client, self.site.service())?)
    }

    /// Namespaces of the directors that have the virtual address: exactly one, if all is well.
    pub fn masters(&self) -> Result<Vec<&Namespace>> {
        let address = self.site.layout.virtual_address.to_string();
        let mut masters = Vec::new();
        for director in &self.site.directors {
            if director.has_address(&address)? {
                masters.push(director);
            }
        }
        Ok(masters)
    }
}

/// A probe that has been answered once.
fn answered(probe: Probe) -> Result<Probe> {
    probe
        .wait_for(now(), PATIENCE, |_| true)
        .context("the service does not answer")?;
    Ok(probe)
}
