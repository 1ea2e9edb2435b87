//! How often the tables are looked at. Pure.

use std::time::Duration;

/// How often the tables are looked at: whether our services are there, at least.
pub(super) const LOOK: Duration = Duration::from_millis(500);

/// Looking at all servers of great tables takes its time: no more than a twentieth of all, while nobody
/// changes our services.
const SHARE: u32 = 20;

/// How long to rest after looking at the services alone has taken `took`.
pub(super) fn after_a_glance(took: Duration) -> Duration {
    LOOK.max(took)
}

/// How long to rest after looking at all servers has taken `took`: until the services are looked at, and
/// until all servers are. Who changes a service again and again has us look at all servers each time:
/// half of the time is left for everything else.
pub(super) fn after_a_look(took: Duration) -> (Duration, Duration) {
    (LOOK.max(took), LOOK.max(took * SHARE))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn looking_takes_half_of_the_time_at_most_and_at_all_servers_a_twentieth() {
        let [little, much] = [Duration::from_millis(1), Duration::from_secs(2)];
        assert_eq!(after_a_glance(little), LOOK);
        assert_eq!(after_a_glance(much), much);
        assert_eq!(after_a_look(little), (LOOK, LOOK));
        assert_eq!(after_a_look(much), (much, 20 * much));
    }
}
