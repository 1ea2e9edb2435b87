//! The tables of `sh` and `dh`: 256 buckets, dealt out as IPVS does (`ip_vs_sh_reassign`,
//! `ip_vs_dh_reassign`).

use lb_common::ipvs_hash::HASH_BUCKETS;
use lb_common::schedule::element;

use super::{Candidate, clamp};

/// `sh`: as many buckets in a row as the weight says, round and round. One of weight 0 has one
/// bucket in each round, which nobody serves without `sh-fallback`.
pub(super) fn by_weight(servers: &[Candidate]) -> Vec<u32> {
    deal(servers, |server| server.weight.max(1))
}

/// `dh`: one bucket each, round and round; weights do not matter, but 0 does.
pub(super) fn in_turn(servers: &[Candidate]) -> Vec<u32> {
    deal(servers, |_| 1)
}

fn deal(servers: &[Candidate], buckets: impl Fn(&Candidate) -> u32) -> Vec<u32> {
    if servers.iter().all(|server| server.weight == 0) {
        return Vec::new();
    }
    let round = servers.iter().flat_map(|server| {
        let count = buckets(server).min(HASH_BUCKETS);
        std::iter::repeat_n(element(server.slot, clamp(server.weight)), count as usize)
    });
    round.cycle().take(HASH_BUCKETS as usize).collect()
}
