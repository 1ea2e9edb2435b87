//! For how long things count in the program.

use std::time::Duration;

use lb_common::flow::{STAMP_MASK, state};

use crate::config::model::{GlobalDefs, LvsTimeouts};
use crate::dataplane::xdp::clock::Ticks;

/// What the configuration says of times.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Times {
    /// `xdp_deadman`.
    pub xdp_deadman: Duration,
    /// `lvs_timeouts`.
    pub lvs_timeouts: LvsTimeouts,
}

impl From<&GlobalDefs> for Times {
    fn from(global_defs: &GlobalDefs) -> Self {
        Self {
            xdp_deadman: global_defs.xdp_deadman,
            lvs_timeouts: global_defs.lvs.lvs_timeouts,
        }
    }
}

impl Times {
    /// For how many ticks a flow is remembered in each state: as long as in IPVS, unless
    /// `lvs_timeouts` says otherwise. Half of what a stamp can tell is the most.
    pub(super) fn of_flows(&self, ticks: Ticks) -> [u32; state::TIMEOUTS.len()] {
        let LvsTimeouts { tcp, tcpfin, udp } = self.lvs_timeouts;
        let mut times = state::TIMEOUTS.map(|seconds| Duration::from_secs(seconds.into()));
        for (of, given) in [
            (state::ESTABLISHED, tcp),
            (state::FIN_WAIT, tcpfin),
            (state::UDP, udp),
        ] {
            if let (Some(time), Some(given)) = (times.get_mut(usize::from(of)), given) {
                *time = given;
            }
        }
        times.map(|time| ticks.of(time).min(STAMP_MASK / 2))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lvs_timeouts_change_three_states_and_no_others() {
        let ticks = Ticks::at(1000);
        let seconds = |it: u64| ticks.of(Duration::from_secs(it));
        let times = |lvs_timeouts| Times {
            xdp_deadman: Duration::ZERO,
            lvs_timeouts,
        };
        let kernels = times(LvsTimeouts::default()).of_flows(ticks);
        assert_eq!(kernels, [2, 60, 900, 120, 10, 300].map(seconds));
        let given = times(LvsTimeouts {
            tcp: Some(Duration::from_secs(77)),
            tcpfin: Some(Duration::from_secs(8)),
            udp: None,
        });
        let found = given.of_flows(ticks);
        assert_eq!(found, [2, 60, 77, 8, 10, 300].map(seconds));
        let long = times(LvsTimeouts {
            udp: Some(Duration::from_hours(31 * 24)),
            ..LvsTimeouts::default()
        });
        assert_eq!(long.of_flows(ticks)[5], STAMP_MASK / 2);
    }
}
