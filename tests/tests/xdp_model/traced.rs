//! What somebody is told who traces, beside what became of the frames.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use lb_agent::dataplane::xdp::trace::Tracer;
use lb_agent::runtime::clock;
use lb_common::stats::Reason;
use lb_common::trace::{Event, NO_REASON, decision};

use crate::model::Outcome;
use crate::network::Network;
use crate::rig::Rig;

/// The programs watch themselves, and we read.
pub(crate) struct Traced {
    tracer: Tracer,
    /// Every way to a server that was told.
    decisions: BTreeSet<u8>,
    reasons: BTreeSet<u8>,
}

impl Traced {
    pub(crate) fn new(rig: &Rig, network: &Network) -> Result<Self> {
        let tracer = rig.trace(network)?;
        renew(&tracer);
        Ok(Self {
            tracer,
            decisions: BTreeSet::new(),
            reasons: BTreeSet::new(),
        })
    }

    /// Of one frame, of which this has become, the same has been told.
    pub(crate) fn check(&mut self, frame: &[u8], ingress: u32, outcome: &Outcome) -> Result<()> {
        renew(&self.tracer);
        let told = self.tracer.take_event();
        ensure!(self.tracer.take_event().is_none(), "told twice");
        if !is_watched(frame) {
            return Ok(());
        }
        let event = told.context("not told")?;
        ensure!(u32::from(event.verdict) == outcome.verdict, "{event:?}");
        ensure!(event.length as usize == frame.len(), "{event:?}");
        ensure!(event.ifindex == ingress, "{event:?}");
        ensure!(event.omitted == 0, "{event:?}");
        let is_as_it_was = outcome.frame == frame;
        ensure!(!is_as_it_was || event.before == event.after, "{event:?}");
        self.check_reason(&event)
    }

    fn check_reason(&mut self, event: &Event) -> Result<()> {
        self.decisions.insert(event.decision);
        if event.reason == NO_REASON {
            return Ok(());
        }
        self.reasons.insert(event.reason);
        let reason = Reason::ALL.get(usize::from(event.reason));
        let reason = reason.with_context(|| format!("{event:?}"))?;
        ensure!(
            reason.verdict() == u32::from(event.verdict),
            "{reason:?}: {event:?}"
        );
        Ok(())
    }

    /// Everything has come at least once.
    pub(crate) fn check_all(&self) -> Result<()> {
        use decision::{FLOW, NONE, SCHEDULED, TEMPLATE, UNKNOWN};
        // A flow that finds no place is met by chance.
        for decision in [NONE, FLOW, SCHEDULED, TEMPLATE, UNKNOWN] {
            ensure!(self.decisions.contains(&decision), "never told: {decision}");
        }
        ensure!(self.reasons.len() > 10, "only {:?}", self.reasons);
        Ok(())
    }
}

/// Says that somebody reads, for as long as a new configuration takes on a machine with much to do.
pub(crate) fn renew(tracer: &Tracer) {
    tracer.renew(clock::monotonic() + Duration::from_mins(1));
}

/// Whether a frame is one of IP for a single host, with all of its first header.
fn is_watched(frame: &[u8]) -> bool {
    let [group, ..] = frame else { return false };
    let kind = frame.get(12..14);
    group & 1 == 0
        && match kind {
            Some([0x08, 0x00]) => frame.len() >= 34,
            Some([0x86, 0xdd]) => frame.len() >= 54,
            _ => false,
        }
}
