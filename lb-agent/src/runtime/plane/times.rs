//! The times that the program goes by.

use std::time::Duration;

use lb_common::flow::state;

use crate::config::model::{GlobalDefs, LvsTimeouts};

/// What the configuration says of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Times {
    /// `xdp_deadman`; zero: never.
    pub deadman: Duration,
    /// `lvs_timeouts`.
    pub lvs: LvsTimeouts,
}

impl Times {
    /// Those of a configuration.
    pub const fn of(global: &GlobalDefs) -> Self {
        Self {
            deadman: global.xdp_deadman,
            lvs: global.lvs.lvs_timeouts,
        }
    }

    /// How long a flow lives without packets, by its [`state`]. As in IPVS those of three states can
    /// be set, and 0 leaves one as it is.
    pub(super) fn of_flows(self) -> [Duration; state::COUNT] {
        let mut lives = state::TIMEOUTS.map(|seconds| Duration::from_secs(seconds.into()));
        let LvsTimeouts { tcp, tcpfin, udp } = self.lvs;
        for (state, set) in [
            (state::ESTABLISHED, tcp),
            (state::ACKED, tcp),
            (state::FIN_WAIT, tcpfin),
            (state::UDP, udp),
            (state::DATAGRAM, udp),
        ] {
            let set = set.filter(|life| !life.is_zero());
            if let (Some(life), Some(set)) = (lives.get_mut(usize::from(state)), set) {
                *life = set;
            }
        }
        lives
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lvs_timeouts_are_those_of_ipvs_unless_they_are_set() {
        let seconds = |tcp, tcpfin, udp| {
            let set = |seconds: Option<u64>| seconds.map(Duration::from_secs);
            let lvs = LvsTimeouts {
                tcp: set(tcp),
                tcpfin: set(tcpfin),
                udp: set(udp),
            };
            let deadman = Duration::from_mins(1);
            let lives = Times { deadman, lvs }.of_flows();
            // Those of TCP and UDP come first.
            let seconds = lives.map(|life| life.as_secs());
            assert_eq!(seconds[16..], state::TIMEOUTS.map(u64::from)[16..], "SCTP");
            seconds[..12].to_vec()
        };
        let expected = |tcp, fin, udp| [2, 60, tcp, fin, 10, udp, 120, 120, 60, 30, tcp, udp];
        assert_eq!(seconds(None, None, None), expected(900, 120, 300));
        assert_eq!(seconds(Some(7), None, Some(0)), expected(7, 120, 300));
        assert_eq!(seconds(None, Some(8), Some(9)), expected(900, 8, 9));
    }
}
