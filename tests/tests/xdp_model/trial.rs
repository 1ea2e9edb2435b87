//! Program and model side by side: every frame to both, and no difference.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;

use anyhow::{Context as _, Result, bail, ensure};
use lb_agent::dataplane::desired::Desired;
use lb_common::affinity::{Affinity, AffinityKey4};
use lb_common::flow::state::COUNT;
use lb_common::flow::{FREE, FlowEntry, STAMP_MASK};
use lb_common::load::Load;
use lb_common::stats::Reason;

use crate::frame::Endpoint;
use crate::model::{Arrival, Incarnation, Model, Outcome, Template};
use crate::network::Network;
use crate::rig::{Agent, Rig, TICKS};
use crate::world::GATES;

/// Program and model.
pub(crate) struct Trial<'a> {
    network: &'a Network,
    pub(crate) rig: Rig,
    pub(crate) model: Model,
    deadman: u64,
    /// Slot and generation of every server there ever was.
    places: HashMap<Incarnation, (u32, u16)>,
}

impl<'a> Trial<'a> {
    /// Nothing configured; to be called on a thread in the director.
    pub(crate) fn new(network: &'a Network) -> Result<Self> {
        let rig = Rig::new(network)?;
        let mut model = Model::new(GATES);
        // Of the other interface anything may be for us.
        let front = network.front;
        rig.set_stations(&[front]);
        model.stations.insert(front.index, front.mac);
        Ok(Self {
            network,
            rig,
            model,
            deadman: 0,
            places: HashMap::new(),
        })
    }

    /// Sets the hash's key, `xdp_deadman` in jiffies, and the life of flows by state, in ticks.
    pub(crate) fn set_control(&mut self, secret: u64, deadman: u64, timeouts: [u32; COUNT]) {
        self.rig.set_control(secret, deadman, &timeouts);
        self.deadman = deadman;
        self.model.table.secret = secret;
        self.model.table.timeouts = timeouts;
    }

    /// Goes over to another configuration.
    pub(crate) fn configure(&mut self, desired: &Desired) -> Result<()> {
        let ids = self.rig.configure(desired)?;
        self.model.configure(desired, &ids, TICKS);
        let places: HashMap<(u16, Endpoint), (u32, u16)> = self.rig.places().collect();
        for (pool, endpoint, incarnation) in self.model.incarnations() {
            self.places.insert(incarnation, places[&(pool, endpoint)]);
        }
        Ok(())
    }

    /// Arms or disarms a gate.
    pub(crate) fn set_gate(&mut self, gate: u16, armed: bool) {
        self.rig.gates.set(gate, armed);
        self.model.armed[usize::from(gate)] = armed;
    }

    /// Lets time pass. Less than none: what there is was written by a CPU that is ahead of ours.
    pub(crate) fn age(&mut self, ticks: i64) -> Result<()> {
        self.model.age(ticks);
        self.rig.age(
            self.model.table.buckets.keys().copied(),
            ticks.cast_unsigned() as u32,
        )
    }

    /// One frame to both; what both have made of it.
    pub(crate) fn send(&mut self, frame: &[u8], ingress: u32, agent: Agent) -> Result<Outcome> {
        self.send_as(frame, frame, ingress, agent, |outcome, _| outcome)
    }

    /// The same when the program gets the frame as `sent`: what it is to make of that is said by `expect`,
    /// from what the model makes of the frame and whether that is an answer to the sender.
    pub(crate) fn send_as(
        &mut self,
        frame: &[u8],
        sent: &[u8],
        ingress: u32,
        agent: Agent,
        expect: impl Fn(Outcome, bool) -> Outcome,
    ) -> Result<Outcome> {
        let ran = self.rig.run(sent, ingress, agent)?;
        let agent_silent = self.deadman != 0 && agent == Agent::Silent;
        // Slow is half of `xdp_deadman`: far more than the agent needs to count.
        let has_census = self.deadman == 0 || agent != Agent::Slow;
        let arrival = |tick| Arrival {
            tick,
            agent_silent,
            has_census,
            ingress,
        };
        let before = (ran.since != ran.until).then(|| self.model.clone());
        let mut expected = self.decide(frame, arrival(ran.since), &expect);
        if let Some(before) = before {
            // It has ticked between our two looks at the clock, on a busy machine more than once: the
            // program may have looked at any time in between.
            for tick in ran.since + 1..=ran.until {
                if expected == ran.outcome && self.check_memory().is_ok() {
                    break;
                }
                self.model = before.clone();
                expected = self.decide(frame, arrival(tick), &expect);
            }
        }
        if expected != ran.outcome {
            bail!("{}", difference(sent, &expected, &ran.outcome));
        }
        for bucket in self.model.buckets_of(frame) {
            self.check_bucket(bucket)
                .with_context(|| format!("after {}", hex(frame)))?;
        }
        Ok(expected)
    }

    fn decide(
        &mut self,
        frame: &[u8],
        arrival: Arrival,
        expect: impl Fn(Outcome, bool) -> Outcome,
    ) -> Outcome {
        let answers = |model: &Model| {
            let answers = [Reason::TooBig, Reason::TimeExceeded];
            answers.map(|reason| model.reasons[reason as usize])
        };
        let before = answers(&self.model);
        let outcome = self.model.decide(self.network, frame, arrival);
        expect(outcome, before != answers(&self.model))
    }

    /// The maps hold what the model remembers.
    pub(crate) fn check_maps(&self) -> Result<()> {
        self.check_memory()?;
        for (_, endpoint, incarnation) in self.model.incarnations() {
            let expected = self
                .model
                .traffic
                .get(&incarnation)
                .copied()
                .unwrap_or_default();
            let carried = self.rig.maps.traffic(self.places[&incarnation].0)?;
            ensure!(
                carried == expected,
                "{endpoint:?}: {carried:?} instead of {expected:?}"
            );
        }
        for (_, endpoint, incarnation) in self.model.incarnations() {
            let expected = self.model.loads.get(&incarnation).copied();
            let counts = |it: Load| (it.active, it.inactive, it.full);
            let expected = expected.map(counts).unwrap_or_default();
            let found = counts(self.rig.maps.load(self.places[&incarnation].0));
            ensure!(
                found == expected,
                "{endpoint:?}: connections {found:?} instead of {expected:?}"
            );
        }
        for (counter, found) in (0..).zip(self.rig.maps.sources()) {
            let expected = self.model.sources.get(&counter).copied().unwrap_or(0);
            ensure!(
                found == expected,
                "flows of a client: counter {counter} is {found} instead of {expected}"
            );
        }
        for entry in self.rig.maps.services().values() {
            let pool = entry.pool;
            let expected = self.model.retired.get(&pool).copied().unwrap_or_default();
            let carried = self.rig.maps.retired(pool)?;
            ensure!(
                carried == expected,
                "gone from {pool}: {carried:?} instead of {expected:?}"
            );
        }
        for reason in Reason::ALL {
            let expected = self.model.reasons[reason as usize];
            let count = self.rig.maps.reason(reason)?;
            ensure!(
                count == expected,
                "{}: {count} instead of {expected}",
                reason.name()
            );
        }
        Ok(())
    }

    /// The agent counts the flow table, and so does the model.
    pub(crate) fn take_census(&mut self) -> Result<()> {
        self.check_maps().context("before the census")?;
        let tick = self.rig.take_census()?;
        self.model.take_census(tick);
        self.check_maps().context("after the census")
    }

    /// Flows and templates.
    fn check_memory(&self) -> Result<()> {
        self.check_flows()?;
        self.check_templates(self.rig.templates()?, &self.model.templates)
            .context("templates")?;
        self.check_templates(self.rig.pending()?, &self.model.pending)
            .context("pending templates")
    }

    fn check_templates(
        &self,
        found: Vec<(AffinityKey4, Affinity)>,
        expected: &HashMap<(u16, [u8; 4]), Template>,
    ) -> Result<()> {
        let found = found.into_iter().map(|(key, affinity)| {
            let slot_and_generation = (affinity.target & 0xffff, (affinity.target >> 16) as u16);
            (
                (key.pool, key.client.to_ne_bytes()),
                (slot_and_generation, i64::from(affinity.stamp)),
            )
        });
        let found: BTreeMap<_, _> = found.collect();
        let expected = expected.iter().map(|((pool, client), template)| {
            (
                (u32::from(*pool), *client),
                (
                    self.places[&template.server],
                    i64::from(template.seen.cast_unsigned() as u32),
                ),
            )
        });
        let expected: BTreeMap<_, _> = expected.collect();
        ensure!(found == expected, "{found:?} instead of {expected:?}");
        Ok(())
    }

    fn check_flows(&self) -> Result<()> {
        self.model
            .table
            .buckets
            .keys()
            .try_for_each(|bucket| self.check_bucket(*bucket))
    }

    fn check_bucket(&self, number: u32) -> Result<()> {
        let expected = self
            .model
            .table
            .buckets
            .get(&number)
            .cloned()
            .unwrap_or_default();
        let expected = expected.map(|flow| {
            let flow = flow?;
            let (slot, generation) = self.places[&flow.server];
            let seen = flow.seen & i64::from(STAMP_MASK);
            Some((
                flow.client,
                flow.service,
                slot,
                generation,
                flow.state as u8,
                seen,
            ))
        });
        let Some(entries) = self.rig.bucket(number) else {
            bail!("no bucket {number}")
        };
        let found = entries.map(|entry| (entry.key != FREE).then(|| fields(&entry)));
        ensure!(
            found == expected,
            "bucket {number}: {found:#?} instead of {expected:#?}"
        );
        Ok(())
    }

    /// Not a flow in the whole table that the model does not know.
    pub(crate) fn check_nothing_else(&self) -> Result<()> {
        let known = self
            .model
            .table
            .buckets
            .values()
            .flatten()
            .flatten()
            .count();
        let found = self.rig.maps.flows().count();
        ensure!(found == known, "{found} flows instead of {known}");
        Ok(())
    }
}

fn fields(entry: &FlowEntry) -> (Endpoint, u16, u32, u16, u8, i64) {
    let client = Endpoint {
        address: entry.client(),
        port: entry.client_port(),
    };
    let seen = i64::from(entry.life & STAMP_MASK);
    (
        client,
        entry.service(),
        entry.slot().into(),
        entry.generation(),
        entry.state(),
        seen,
    )
}

fn difference(frame: &[u8], expected: &Outcome, found: &Outcome) -> String {
    let mut text = format!("in    {}\n", hex(frame));
    for (who, outcome) in [("model", expected), ("xdp", found)] {
        let _infallible = writeln!(text, "{who:5} {} {}", outcome.verdict, hex(&outcome.frame));
    }
    text
}

/// Bytes as two digits each.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _infallible = write!(text, "{byte:02x}");
        text
    })
}
