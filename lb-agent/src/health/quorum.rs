//! The weight of servers that a virtual server needs, and how it is compared.
//!
//! Pure. Gained with `quorum` + `hysteresis`, lost below `quorum` − `hysteresis`.

/// `quorum` and `hysteresis`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Quorum {
    quorum: u64,
    hysteresis: u64,
}

impl Quorum {
    /// A quorum of 0 is one of 1: keepalived's least.
    pub(super) fn new(quorum: u32, hysteresis: u32) -> Self {
        Self {
            quorum: u64::from(quorum.max(1)),
            hysteresis: u64::from(hysteresis),
        }
    }

    /// Whether a virtual server without quorum has it with `weight`.
    pub(super) fn gained(self, weight: u64) -> bool {
        weight >= self.quorum.saturating_add(self.hysteresis)
    }

    /// Whether a virtual server with quorum loses it with `weight`; without any weight it does,
    /// whatever the numbers are.
    pub(super) fn lost(self, weight: u64) -> bool {
        weight == 0 || weight < self.quorum.saturating_sub(self.hysteresis)
    }

    /// How it was gained, as keepalived writes it.
    pub(super) fn gained_numbers(self, weight: u64) -> String {
        let Self { quorum, hysteresis } = self;
        let threshold = quorum.saturating_add(hysteresis);
        format!("{quorum}+{hysteresis}={threshold} <= {weight}")
    }

    /// Why it is kept.
    pub(super) fn kept_numbers(self, weight: u64) -> String {
        let Self { quorum, hysteresis } = self;
        let threshold = quorum.saturating_sub(hysteresis);
        format!("{quorum}-{hysteresis}={threshold} <= {weight}")
    }

    /// How much is missing at start. keepalived writes `2-1=3` where this is `2+1=3`.
    pub(super) fn missing_numbers(self, weight: u64) -> String {
        let Self { quorum, hysteresis } = self;
        let threshold = quorum.saturating_add(hysteresis);
        format!("{quorum}+{hysteresis}={threshold} > {weight}")
    }

    /// How it was lost.
    pub(super) fn lost_numbers(self, weight: u64) -> String {
        let Self { quorum, hysteresis } = self;
        let threshold = quorum.saturating_sub(hysteresis);
        format!("{quorum}-{hysteresis}={threshold} > {weight}")
    }
}

#[cfg(test)]
mod tests;
