//! `--rate`: what passed between two looks at the counters, per second. Pure.

use std::time::{Duration, Instant};

use super::model::{Counters, ServiceView};

/// The counters at one moment.
#[derive(Debug)]
pub struct Look {
    /// When they were read. Reading them takes a while, for the connections are counted: the times
    /// of two looks tell what lies between them, and not how long one has waited.
    pub at: Instant,
    /// The services with their counters.
    pub services: Vec<ServiceView>,
}

/// The services of `after`, with rates since `before`. What was not there before has rates from
/// zero.
pub fn with_rates(before: &Look, mut after: Look) -> Vec<ServiceView> {
    let interval = after.at.duration_since(before.at);
    for service in &mut after.services {
        let old = before
            .services
            .iter()
            .find(|old| old.protocol == service.protocol && old.endpoint == service.endpoint);
        let zero = Counters::default();
        let counters = old.map_or(&zero, |old| &old.counters);
        service.rates = Some(per_second(counters, &service.counters, interval));
        for server in &mut service.servers {
            let known = old.and_then(|old| {
                old.servers
                    .iter()
                    .find(|known| known.endpoint == server.endpoint)
            });
            let counters = known.map_or(&zero, |known| &known.counters);
            server.rates = Some(per_second(counters, &server.counters, interval));
        }
    }
    after.services
}

fn per_second(before: &Counters, after: &Counters, interval: Duration) -> Counters {
    let milliseconds = interval.as_millis().max(1);
    let rate = |before: u64, after: u64| {
        // A server that went and came back counts from zero again.
        let passed = u128::from(after.saturating_sub(before));
        u64::try_from(passed * 1000 / milliseconds).unwrap_or(u64::MAX)
    };
    Counters {
        conns: rate(before.conns, after.conns),
        in_packets: rate(before.in_packets, after.in_packets),
        out_packets: rate(before.out_packets, after.out_packets),
        in_bytes: rate(before.in_bytes, after.in_bytes),
        out_bytes: rate(before.out_bytes, after.out_bytes),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_what_passed_in_a_second_and_never_negative() {
        let counters = |in_packets| Counters {
            in_packets,
            ..Counters::default()
        };
        let cases = [
            (100, 300, 1000, 200),
            (100, 300, 2000, 100),
            (300, 100, 1000, 0),
            (0, 0, 0, 0),
            (0, u64::MAX, 1, u64::MAX),
        ];
        for (before, after, milliseconds, expected) in cases {
            let interval = Duration::from_millis(milliseconds);
            let rate = per_second(&counters(before), &counters(after), interval);
            assert_eq!(rate.in_packets, expected, "{before} {after} {milliseconds}");
        }
    }

    #[test]
    fn rates_are_by_the_time_between_two_looks() {
        let at = crate::runtime::clock::now();
        let look = |at, in_packets| {
            let mut services = crate::observe::sample::services();
            services[0].counters.in_packets = in_packets;
            Look { at, services }
        };
        let later = at + Duration::from_millis(1500);
        let services = with_rates(&look(at, 1000), look(later, 4000));
        assert_eq!(services[0].rates.unwrap().in_packets, 2000);
        assert_eq!(services[0].servers[0].rates.unwrap().in_packets, 0);
    }
}
