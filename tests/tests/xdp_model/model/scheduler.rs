//! IPVS's schedulers, loop by loop as the kernel has them (`net/netfilter/ipvs/ip_vs_*.c`), over a
//! list of servers. `rr` and `wrr` stand in `rota`; `twos` draws lots, so nothing can be said of it
//! beforehand.

use lb_agent::config::model::{Scheduler, SchedulerFlags};
use lb_common::ipvs_hash::{MAGLEV_OFFSET, MAGLEV_SKIP, hsiphash};

use crate::frame::Endpoint;

/// A server (`ip_vs_dest`).
#[derive(Clone, Copy, Debug)]
pub(crate) struct Dest {
    pub(crate) endpoint: Endpoint,
    pub(crate) weight: u64,
    pub(crate) last_weight: u64,
    pub(crate) active: u64,
    pub(crate) inactive: u64,
    pub(crate) overloaded: bool,
}

impl Dest {
    fn overhead(&self) -> u64 {
        self.active * 256 + self.inactive
    }

    fn takes(&self) -> bool {
        self.weight > 0 && !self.overloaded
    }
}

/// The place in `dests` of the one that `scheduler` chooses by comparing them.
pub(crate) fn compare(scheduler: Scheduler, dests: &[Dest]) -> Option<usize> {
    let takes = || (0..dests.len()).filter(|at| dests[*at].takes());
    match scheduler {
        Scheduler::Lc => takes().min_by_key(|at| dests[*at].overhead()),
        Scheduler::Wlc | Scheduler::Lblc | Scheduler::Lblcr => {
            lightest(dests, takes(), Dest::overhead)
        }
        Scheduler::Sed => lightest(dests, takes(), |dest| dest.active + 1),
        Scheduler::Nq => takes()
            .find(|at| dests[*at].active == 0)
            .or_else(|| lightest(dests, takes(), |dest| dest.active + 1)),
        Scheduler::Fo => heaviest(dests, takes()),
        Scheduler::Ovf => heaviest(
            dests,
            takes().filter(|at| dests[*at].active <= dests[*at].weight),
        ),
        Scheduler::Rr
        | Scheduler::Wrr
        | Scheduler::Sh
        | Scheduler::Dh
        | Scheduler::Mh
        | Scheduler::Twos => None,
    }
}

/// The first of those with the least load for their weight.
fn lightest(
    dests: &[Dest],
    among: impl Iterator<Item = usize>,
    load: impl Fn(&Dest) -> u64,
) -> Option<usize> {
    among.reduce(|least, at| {
        let (it, other) = (&dests[at], &dests[least]);
        if load(other) * it.weight > load(it) * other.weight {
            at
        } else {
            least
        }
    })
}

/// The first of those with the greatest weight.
fn heaviest(dests: &[Dest], among: impl Iterator<Item = usize>) -> Option<usize> {
    among.reduce(|best, at| {
        if dests[at].weight > dests[best].weight {
            at
        } else {
            best
        }
    })
}

/// The table of `sh`, `dh` or `mh`; empty when nobody has a weight.
pub(crate) fn hash_table(scheduler: Scheduler, dests: &[Dest]) -> Vec<usize> {
    if dests.iter().all(|dest| dest.weight == 0) {
        return Vec::new();
    }
    match scheduler {
        Scheduler::Sh => dealt(dests, |dest| dest.weight),
        Scheduler::Dh => dealt(dests, |_| 1),
        _ => maglev(dests),
    }
}

fn dealt(dests: &[Dest], weight: impl Fn(&Dest) -> u64) -> Vec<usize> {
    let (mut at, mut count) = (0, 0);
    let bucket = |_| {
        let mine = at;
        count += 1;
        if count >= weight(&dests[at]) {
            at = (at + 1) % dests.len();
            count = 0;
        }
        mine
    };
    (0..256).map(bucket).collect()
}

fn maglev(dests: &[Dest]) -> Vec<usize> {
    const SIZE: usize = 4093;
    let gcd = (1..=u64::MAX)
        .take_while(|it| *it <= dests.iter().map(|dest| dest.last_weight).max().unwrap_or(0))
        .filter(|it| dests.iter().all(|dest| dest.last_weight % it == 0))
        .last()
        .unwrap_or(1);
    let greatest = dests
        .iter()
        .map(|dest| dest.last_weight / gcd)
        .max()
        .unwrap_or(0);
    let mut shift = 0;
    while greatest >> shift >= 1 << 6 {
        shift += 1;
    }
    let hash = |dest: &Dest, key| {
        let word = u32::from(dest.endpoint.address).wrapping_add(dest.endpoint.port.into());
        hsiphash(word, key) as usize
    };
    let mut next: Vec<usize> = dests
        .iter()
        .map(|it| hash(it, MAGLEV_OFFSET) % SIZE)
        .collect();
    let mut table = vec![usize::MAX; SIZE];
    let mut left = SIZE;
    loop {
        for (at, dest) in dests.iter().enumerate() {
            if dest.last_weight == 0 {
                continue;
            }
            let turns = ((dest.last_weight / gcd) >> shift).max(1);
            let skip = hash(dest, MAGLEV_SKIP) % (SIZE - 1) + 1;
            for _ in 0..turns {
                while table[next[at]] != usize::MAX {
                    next[at] = (next[at] + skip) % SIZE;
                }
                table[next[at]] = at;
                left -= 1;
                if left == 0 {
                    return table;
                }
            }
        }
    }
}

/// The server in `table` for a client and the address it asks for: of `sh`, `dh`, `mh`. IPVS looks
/// all of the table through for a server that takes connections; the program 32 places of it.
pub(crate) fn hashed(
    scheduler: Scheduler,
    flags: SchedulerFlags,
    dests: &[Dest],
    client: Endpoint,
    destination: Endpoint,
) -> Option<usize> {
    let table = hash_table(scheduler, dests);
    if table.is_empty() {
        return None;
    }
    let ports = flags.flag_2 && scheduler != Scheduler::Dh;
    let fallback = flags.flag_1 && scheduler != Scheduler::Dh;
    let address = if scheduler == Scheduler::Dh {
        destination.address
    } else {
        client.address
    };
    let port = if ports { u32::from(client.port) } else { 0 };
    let word = port.wrapping_add(address.into());
    let key = |offset: usize| match scheduler {
        Scheduler::Mh => {
            hsiphash(word.wrapping_add(offset as u32), MAGLEV_OFFSET) as usize % table.len()
        }
        _ => (offset + (word.wrapping_mul(0x61c8_8647) >> 24) as usize) % table.len(),
    };
    let first = key(0);
    if dests[table[first]].takes() {
        return Some(table[first]);
    }
    if !fallback {
        return None;
    }
    (0..32)
        .map(|offset| table[key((first + offset) % table.len())])
        .find(|at| dests[*at].takes())
        .or_else(|| (0..dests.len()).find(|at| dests[*at].takes()))
}
