//! The table of `mh`, as IPVS makes it (`net/netfilter/ipvs/ip_vs_mh.c`): with the same hashes, the
//! same size and the same shares, so that every director, whatever its data plane, has the same
//! table for the same servers.

use lb_common::ipvs_hash::{MAGLEV_OFFSET, MAGLEV_PLACES, MAGLEV_SKIP, hsiphash, value};
use lb_common::schedule::element;

use super::{Candidate, clamp, rota::gcd};

/// Bits of the greatest share of a round (`IP_VS_MH_TAB_BITS`): greater weights are shifted down.
const SHARE_BITS: u32 = 6;

/// A server's way through the table.
struct Walk {
    element: u32,
    /// The place that it wants next.
    place: u32,
    skip: u32,
    /// Places that it takes in each round.
    share: u32,
}

/// Who has each place; empty when nobody has a weight.
pub(super) fn places(servers: &[Candidate]) -> Vec<u32> {
    if servers.iter().all(|server| server.weight == 0) {
        return Vec::new();
    }
    let mut walks = walks(servers);
    // IPVS refuses more servers than there are places; here the rest has none.
    let (mut table, mut taken) = (vec![None; MAGLEV_PLACES as usize], 0);
    while taken < MAGLEV_PLACES {
        for walk in &mut walks {
            for _ in 0..walk.share {
                if taken == MAGLEV_PLACES {
                    break;
                }
                walk.take(&mut table);
                taken += 1;
            }
        }
    }
    table.into_iter().map(Option::unwrap_or_default).collect()
}

fn walks(servers: &[Candidate]) -> Vec<Walk> {
    let weights = || servers.iter().map(|server| server.full_weight);
    let divisor = weights().fold(0, gcd).max(1);
    let greatest = weights().max().unwrap_or(0) / divisor;
    let bits = u32::BITS - greatest.leading_zeros();
    let shift = bits.saturating_sub(SHARE_BITS);
    let walk = |server: &Candidate| {
        let hashed = value(server.address, server.port);
        Walk {
            element: element(server.slot, clamp(server.weight)),
            place: hsiphash(hashed, MAGLEV_OFFSET) % MAGLEV_PLACES,
            skip: hsiphash(hashed, MAGLEV_SKIP) % (MAGLEV_PLACES - 1) + 1,
            share: ((server.full_weight / divisor) >> shift).max(1),
        }
    };
    let with_share = servers.iter().filter(|server| server.full_weight > 0);
    with_share.map(walk).collect()
}

impl Walk {
    /// Takes the next place on the way that is free. There is one: the number of places is a prime.
    fn take(&mut self, table: &mut [Option<u32>]) {
        for _ in 0..MAGLEV_PLACES {
            if let Some(place @ None) = table.get_mut(self.place as usize) {
                *place = Some(self.element);
                return;
            }
            self.place = (self.place + self.skip) % MAGLEV_PLACES;
        }
    }
}
