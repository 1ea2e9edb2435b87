#![expect(
    clippy::disallowed_methods,
    reason = "a moment to count from; nothing waits for it"
)]

use proptest::prelude::*;

use super::*;

const SECOND: Duration = Duration::from_secs(1);

fn settings(rise: u32, fall: u32) -> Settings {
    Settings {
        name: "chk".into(),
        interval: SECOND,
        timeout: SECOND * 2,
        rise,
        fall,
        init_fail: false,
    }
}

struct World {
    tracker: Tracker,
    start: Instant,
}

impl World {
    fn new(settings: Settings) -> Self {
        let start = Instant::now();
        let tracker = Tracker::new(settings, start);
        Self { tracker, start }
    }

    fn drain(&mut self) -> Vec<Action> {
        std::iter::from_fn(|| self.tracker.poll_action()).collect()
    }

    fn at(&mut self, milliseconds: u64) -> Vec<Action> {
        self.tracker
            .handle_timeout(self.start + Duration::from_millis(milliseconds));
        self.drain()
    }

    fn end(&mut self, outcome: &Outcome) -> Vec<Action> {
        self.tracker.handle_outcome(outcome);
        self.drain()
    }

    /// States after each of a row of exit statuses.
    fn states(&mut self, statuses: &[u8]) -> Vec<State> {
        let states = statuses.iter().map(|status| {
            self.tracker.handle_outcome(&Outcome::Exited(*status));
            self.tracker.state()
        });
        states.collect()
    }
}

fn log(text: &str) -> Action {
    Action::Log(LogLine::Info(text.into()))
}

#[test]
fn runs_start_once_an_interval_whatever_they_take() {
    let mut world = World::new(settings(1, 1));
    assert_eq!(world.at(0), [Action::Run]);
    world.end(&Outcome::Exited(0));
    assert_eq!(world.at(900), []);
    assert_eq!(world.at(1000), [Action::Run]);
    world.end(&Outcome::Exited(0));
    // Late is late once: the grid stays.
    assert_eq!(world.at(2300), [Action::Run]);
    world.end(&Outcome::Exited(0));
    assert_eq!(world.at(3000), [Action::Run]);
    // Asleep for ten intervals: one run, not ten.
    world.end(&Outcome::Exited(0));
    assert_eq!(world.at(13_500), [Action::Run]);
    assert_eq!(
        world.tracker.poll_timeout(),
        Some(world.start + Duration::from_millis(14_500))
    );
}

#[test]
fn a_run_is_never_doubled_and_that_is_said_once() {
    let mut world = World::new(settings(1, 1));
    assert_eq!(world.at(0), [Action::Run]);
    assert_eq!(
        world.at(1000),
        [log(
            "Track script chk is already running, expect idle - skipping run"
        )]
    );
    assert_eq!(world.at(2000), []);
    world.end(&Outcome::TimedOut);
    assert_eq!(world.at(3000), [Action::Run]);
}

#[test]
fn one_that_does_not_end_when_told_is_being_timed_out() {
    let mut world = World::new(Settings {
        interval: SECOND * 3,
        ..settings(1, 1)
    });
    assert_eq!(world.at(0), [Action::Run]);
    assert_eq!(
        world.at(3000),
        [log(
            "Track script chk is being timed out, expect idle - skipping run"
        )]
    );
}

#[test]
fn the_lines_are_keepaliveds() {
    let down = Action::Changed { up: false };
    let up = Action::Changed { up: true };
    let mut world = World::new(settings(1, 1));
    for (outcome, actions) in [
        (
            Outcome::Exited(2),
            vec![
                log("Script `chk` now returning 2"),
                log("VRRP_Script(chk) failed (exited with status 2)"),
                down.clone(),
            ],
        ),
        (
            Outcome::Exited(3),
            vec![log("Script `chk` now returning 3")],
        ),
        (Outcome::Exited(3), vec![]),
        (
            Outcome::Exited(0),
            vec![
                log("Script `chk` now returning 0"),
                log("VRRP_Script(chk) succeeded"),
                up.clone(),
            ],
        ),
        (
            Outcome::Signalled(9),
            vec![
                log("VRRP_Script(chk) failed (due to signal 9)"),
                down.clone(),
            ],
        ),
        (
            Outcome::Exited(0),
            vec![log("VRRP_Script(chk) succeeded"), up.clone()],
        ),
        (
            Outcome::TimedOut,
            vec![log("VRRP_Script(chk) timed_out"), down.clone()],
        ),
        (
            Outcome::Exited(0),
            vec![log("VRRP_Script(chk) succeeded"), up],
        ),
        (
            Outcome::NotRun("No such file or directory".into()),
            vec![
                log("VRRP_Script(chk) failed (No such file or directory)"),
                down,
            ],
        ),
    ] {
        assert_eq!(world.end(&outcome), actions);
    }
}

#[test]
fn the_first_result_counts_at_once() {
    use State::{Down, Up};
    assert_eq!(
        World::new(settings(3, 3)).states(&[0, 1, 1, 1]),
        [Up, Up, Up, Down]
    );
    assert_eq!(
        World::new(settings(3, 3)).states(&[1, 0, 0, 0]),
        [Down, Down, Down, Up]
    );
    let mut world = World::new(settings(3, 3));
    assert_eq!(world.tracker.state(), State::Init);
    assert_eq!(
        world.end(&Outcome::Exited(0)),
        [
            log("VRRP_Script(chk) succeeded"),
            Action::Changed { up: true }
        ]
    );
}

#[test]
fn with_init_fail_it_begins_as_down_and_needs_rise_successes() {
    use State::{Down, Up};
    let mut world = World::new(Settings {
        init_fail: true,
        ..settings(2, 1)
    });
    assert_eq!(world.tracker.state(), Down);
    assert_eq!(world.states(&[0, 0]), [Down, Up]);
}

#[test]
fn a_failure_in_between_begins_the_rise_anew_and_a_success_the_fall() {
    use State::{Down, Up};
    let mut world = World::new(settings(2, 3));
    assert_eq!(world.states(&[1, 0, 1, 0, 0]), [Down, Down, Down, Down, Up]);
    assert_eq!(
        world.states(&[1, 1, 0, 1, 1, 1]),
        [Up, Up, Up, Up, Up, Down]
    );
}

proptest! {
    /// Up means that the last change was made by `rise` successes in a row (or the first result),
    /// down likewise: against a model that counts.
    #[test]
    fn rise_and_fall_are_counted_in_a_row(
        rise in 1_u32..5,
        fall in 1_u32..5,
        results in prop::collection::vec(any::<bool>(), 1..60),
    ) {
        let mut world = World::new(settings(rise, fall));
        let (mut up, mut row) = (None, 0);
        for success in results {
            match up {
                None => up = Some(success),
                Some(current) if current == success => row = 0,
                Some(current) => {
                    row += 1;
                    if row >= if current { fall } else { rise } {
                        (up, row) = (Some(success), 0);
                    }
                }
            }
            world.end(&Outcome::Exited(u8::from(!success)));
            prop_assert_eq!(world.tracker.state() == State::Up, up == Some(true));
        }
    }
}
