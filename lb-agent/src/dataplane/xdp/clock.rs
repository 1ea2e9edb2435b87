//! The program's clock: jiffies, and ticks of 2^8 jiffies.
//!
//! How many jiffies make a second (`CONFIG_HZ`) is nowhere to be read in user space, so it is
//! measured: the `heartbeat` program writes the kernel's jiffies, twice, a while apart.

use std::time::Duration;

use lb_common::flow::TICK_SHIFT;

/// Values of `CONFIG_HZ` that exist (`kernel/Kconfig.hz` and the architectures' own).
const FREQUENCIES: [u32; 8] = [24, 48, 100, 128, 250, 300, 1000, 1024];

/// How long a measurement lasts: 300 Hz and 250 Hz are five jiffies apart then.
pub const MEASURE: Duration = Duration::from_millis(100);

/// Both clocks are read within this, a fifth of what tells 300 Hz from 250 Hz in [`MEASURE`].
pub const TOGETHER: Duration = Duration::from_millis(2);

/// How often that is tried at most.
pub const TRIES: u32 = 100;

/// Converts between time and ticks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ticks {
    hertz: u32,
}

impl Ticks {
    /// The clock of a kernel with `CONFIG_HZ` = `hertz`.
    pub const fn at(hertz: u32) -> Self {
        Self { hertz }
    }

    /// The clock of a kernel that counted `jiffies` in `elapsed`: the nearest that exists.
    pub fn measured(jiffies: u64, elapsed: Duration) -> Self {
        let measured = u128::from(jiffies) * 1_000_000_000;
        let distance = |hertz: &u32| measured.abs_diff(u128::from(*hertz) * elapsed.as_nanos());
        Self {
            hertz: FREQUENCIES.into_iter().min_by_key(distance).unwrap_or(250),
        }
    }

    /// Jiffies in a second.
    pub const fn hertz(self) -> u32 {
        self.hertz
    }

    /// Ticks in `time`, rounded up.
    pub fn of(self, time: Duration) -> u32 {
        let ticks = self.jiffies(time).div_ceil(1 << TICK_SHIFT);
        u32::try_from(ticks).unwrap_or(u32::MAX)
    }

    /// Jiffies in `time`, rounded down.
    pub fn jiffies(self, time: Duration) -> u64 {
        u64::try_from(time.as_nanos() * u128::from(self.hertz) / 1_000_000_000).unwrap_or(u64::MAX)
    }

    /// How long `ticks` last.
    pub fn time(self, ticks: u32) -> Duration {
        Duration::from_nanos(
            (u64::from(ticks) << TICK_SHIFT) * 1_000_000_000 / u64::from(self.hertz),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_frequency_is_recognised_although_the_measurement_is_off_by_one() {
        for hertz in [100, 250, 300, 1000] {
            for off in [-1, 0, 1] {
                let jiffies = (i64::from(hertz) / 10 + off).cast_unsigned();
                assert_eq!(
                    Ticks::measured(jiffies, MEASURE),
                    Ticks::at(hertz),
                    "{hertz} {off}"
                );
            }
        }
    }

    #[test]
    fn ticks_round_up_and_back_to_no_less_than_the_time() {
        for hertz in FREQUENCIES {
            let ticks = Ticks::at(hertz);
            for seconds in [1, 2, 60, 900, 31 * 86_400] {
                let time = Duration::from_secs(seconds);
                assert!(ticks.time(ticks.of(time)) >= time);
                assert!(ticks.time(ticks.of(time) - 1) < time);
            }
        }
    }
}
