//! `lvs_timeouts`: set once, and taken back when nobody wants them any more, as keepalived does.

use std::time::Duration;

use crate::config::model::LvsTimeouts;
use crate::dataplane::ipvs::plane::Plane;
use crate::net::ipvs::{Change, IpvsError, Timeouts};

/// What the kernel goes by.
#[derive(Debug)]
pub(super) struct Times {
    /// What it went by before us, if that is another.
    before: Option<Timeouts>,
    /// What we have told it; `None`: it is not known what it goes by.
    told: Option<LvsTimeouts>,
}

impl Times {
    /// `before`: those before an earlier agent, if it has set others.
    pub(super) fn new(before: Option<Timeouts>) -> Self {
        Self {
            before,
            told: before.is_none().then(LvsTimeouts::default),
        }
    }

    /// What the kernel went by before us.
    pub(super) const fn before(&self) -> Option<Timeouts> {
        self.before
    }

    /// The module was loaded anew.
    pub(super) fn forget(&mut self) {
        *self = Self::new(None);
    }

    /// Finds out what there is to come back to, if others are `wanted`.
    pub(super) fn look(&mut self, plane: &mut Plane, wanted: LvsTimeouts) -> Result<(), IpvsError> {
        if self.before.is_none() && self.told != Some(wanted) {
            self.before = Some(plane.timeouts()?);
        }
        Ok(())
    }

    /// Has the kernel go by what is `wanted`.
    pub(super) fn set(&mut self, plane: &mut Plane, wanted: LvsTimeouts) -> Result<(), IpvsError> {
        self.look(plane, wanted)?;
        if self.told != Some(wanted)
            && let Some(before) = self.before
        {
            plane.change(&Change::SetTimeouts(with(before, wanted)))?;
            self.told = Some(wanted);
            self.before = Some(before).filter(|_| wanted != LvsTimeouts::default());
        }
        Ok(())
    }
}

/// Those of `before`, where others are not wanted. 0 leaves one as it is.
fn with(before: Timeouts, wanted: LvsTimeouts) -> Timeouts {
    let seconds = |wanted: Option<Duration>, before| {
        let wanted = wanted.filter(|it| !it.is_zero());
        wanted.map_or(before, |it| it.as_secs().try_into().unwrap_or(u32::MAX))
    };
    Timeouts {
        tcp: seconds(wanted.tcp, before.tcp),
        tcp_fin: seconds(wanted.tcpfin, before.tcp_fin),
        udp: seconds(wanted.udp, before.udp),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_set_is_as_it_was() {
        let before = Timeouts {
            tcp: 900,
            tcp_fin: 120,
            udp: 300,
        };
        assert_eq!(with(before, LvsTimeouts::default()), before);
        let wanted = LvsTimeouts {
            tcp: Some(Duration::from_secs(7)),
            tcpfin: Some(Duration::ZERO),
            udp: None,
        };
        assert_eq!(with(before, wanted), Timeouts { tcp: 7, ..before });
    }
}
