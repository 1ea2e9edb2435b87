//! `lblc` and `lblcr`: which servers a destination has. A day is longer than any test, so nothing
//! is forgotten here and no set shrinks.

use lb_agent::config::model::Scheduler;

use super::installed::VirtualServer;
use super::scheduler::{Dest, compare};
use super::{Incarnation, Model};
use crate::frame::Endpoint;

/// The servers of a destination.
#[derive(Clone, Debug, Default)]
pub(crate) struct Locality([Option<Incarnation>; 4]);

impl Model {
    /// The server of a destination, or the least loaded one.
    pub(super) fn by_locality(
        &mut self,
        service: &VirtualServer,
        dests: &[Dest],
        destination: Endpoint,
    ) -> Option<Incarnation> {
        let key = (service.pool, destination.address);
        let held = self.localities.get(&key).cloned();
        let known = held.as_ref().and_then(|held| least(held, service, dests));
        let idle = dests
            .iter()
            .any(|dest| dest.weight > 0 && dest.active * 2 < dest.weight);
        let least = compare(Scheduler::Wlc, dests);
        if let Some(known) = known {
            let overloaded = dests[known].active > dests[known].weight && idle;
            if !overloaded || least.is_none() {
                return Some(service.members[known]);
            }
        }
        let chosen = service.members[least?];
        let mut set = held
            .filter(|_| service.scheduler == Scheduler::Lblcr)
            .unwrap_or_default();
        if !set.0.contains(&Some(chosen)) {
            let free = set.0.iter().position(Option::is_none).unwrap_or(0);
            set.0[free] = Some(chosen);
        }
        self.localities.insert(key, set);
        Some(chosen)
    }
}

/// The one of a set with least to do, of those that take connections, as a place in `dests`.
fn least(held: &Locality, service: &VirtualServer, dests: &[Dest]) -> Option<usize> {
    let places = held.0.iter().flatten().filter_map(|server| {
        let place = service.members.iter().position(|it| it == server)?;
        (dests[place].weight > 0 && !dests[place].overloaded).then_some(place)
    });
    places.reduce(|least, place| {
        let load = |at: usize| dests[at].active * 256 + dests[at].inactive;
        if load(least) * dests[place].weight > load(place) * dests[least].weight {
            place
        } else {
            least
        }
    })
}
