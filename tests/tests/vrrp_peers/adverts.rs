//! The adverts that went over the cable, and how long a hand-over took.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use lb_tests::{Capture, Frame};

use crate::pair::PATIENCE;

/// What a hand-over may take beyond its formula.
const SLACK: Duration = Duration::from_millis(30);
/// What it may fall short of it: the sender's clock is not the receiver's.
const EARLY: Duration = Duration::from_millis(5);
/// So often a hand-over is tried until one is in time.
const TRIES: u32 = 4;

/// A recording of the adverts.
pub(crate) struct Wire(pub(crate) Capture);

/// The adverts of a recording.
#[derive(Debug)]
pub(crate) struct Adverts(Vec<Advert>);

#[derive(Debug)]
struct Advert {
    time: Duration,
    source: IpAddr,
    priority: u8,
}

impl Wire {
    /// Waits for an advert of this router.
    pub(crate) fn wait_for(&self, source: &str) -> Result<()> {
        let source: IpAddr = source.parse()?;
        let is_from = |frame: &Frame| advert(frame).is_some_and(|it| it.source == source);
        self.0
            .wait_for(PATIENCE, |frames| frames.iter().any(is_from))
    }

    /// Ends the recording.
    pub(crate) fn finish(self) -> Result<Adverts> {
        let frames = self.0.finish()?;
        crate::tshark::ensure_clean(&frames)?;
        Ok(Adverts(frames.iter().filter_map(advert).collect()))
    }
}

/// Ethernet, an IP header without options, perhaps an authentication header, VRRP.
fn advert(frame: &Frame) -> Option<Advert> {
    let bytes = |at, length| frame.bytes.get(at..at + length);
    let (source, priority) = match (frame.bytes.get(12)?, frame.bytes.get(23)?) {
        (0x86, _) => {
            let source: [u8; 16] = bytes(22, 16)?.try_into().ok()?;
            (Ipv6Addr::from(source).into(), 56)
        }
        (_, protocol) => {
            let source: [u8; 4] = bytes(26, 4)?.try_into().ok()?;
            let ah = if *protocol == 51 { 24 } else { 0 };
            (Ipv4Addr::from(source).into(), 36 + ah)
        }
    };
    Some(Advert {
        time: frame.time,
        source,
        priority: *frame.bytes.get(priority)?,
    })
}

impl Adverts {
    /// No advert is of this router.
    pub(crate) fn ensure_nothing_from(&self, source: &str) -> Result<()> {
        let source: IpAddr = source.parse()?;
        ensure!(
            self.0.iter().all(|advert| advert.source != source),
            "{self:?}"
        );
        Ok(())
    }

    /// Whether `to`'s first advert came as long after `from`'s last one, of this priority, as it
    /// should.
    pub(crate) fn ensure_handover(
        &self,
        from: &str,
        priority: u8,
        to: &str,
        expected: Duration,
    ) -> Result<()> {
        let (from, to): (IpAddr, IpAddr) = (from.parse()?, to.parse()?);
        let place = self.0.iter().position(|advert| advert.source == to);
        let (before, after) = self
            .0
            .split_at(place.with_context(|| format!("nobody takes over: {self:?}"))?);
        let last = before.iter().rfind(|advert| advert.source == from);
        let (last, first) = last.zip(after.first()).context("nobody hands over")?;
        ensure!(last.priority == priority, "{self:?}");
        let took = first.time.saturating_sub(last.time);
        ensure!(
            took + EARLY >= expected,
            "took {took:?} instead of {expected:?}: {self:?}"
        );
        if took > expected + SLACK {
            bail!(Late { took, expected });
        }
        Ok(())
    }
}

/// A hand-over that took too long.
#[derive(Debug)]
struct Late {
    took: Duration,
    expected: Duration,
}

impl fmt::Display for Late {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { took, expected } = self;
        write!(f, "took {took:?} instead of {expected:?}")
    }
}

impl std::error::Error for Late {}

/// Runs a scenario again when its hand-over was late: a machine that is busy with something else
/// wakes both routers late. A wrong formula is late every time.
pub(crate) fn in_time(scenario: impl Fn() -> Result<()>) -> Result<()> {
    for _ in 1..TRIES {
        match scenario() {
            Err(error) if error.is::<Late>() => {}
            outcome => return outcome,
        }
    }
    scenario()
}
