#![expect(
    clippy::disallowed_methods,
    reason = "a moment to count from; nothing waits for it"
)]

use super::*;

fn settings() -> Settings {
    Settings {
        name: "web".into(),
        process: "nginx".into(),
        parameters: Vec::new(),
        param_match: None,
        full_command: false,
        quorum: 1,
        quorum_max: None,
        fork_delay: Duration::ZERO,
        terminate_delay: Duration::ZERO,
    }
}

fn identity(comm: &str, arguments: &[&str]) -> Identity {
    Identity {
        comm: comm.into(),
        arguments: arguments.iter().map(|it| (*it).into()).collect(),
    }
}

struct World {
    tracker: Tracker,
    start: Instant,
}

impl World {
    /// With so many processes, numbered from 1.
    fn new(settings: Settings, processes: u32) -> Self {
        let mut world = Self {
            tracker: Tracker::new(settings),
            start: Instant::now(),
        };
        world.scan(processes, 0);
        world
    }

    fn scan(&mut self, processes: u32, at: u64) -> Vec<Action> {
        let nginx = identity("nginx", &["nginx"]);
        let now = self.at(at);
        let all = (1..=processes).map(|pid| (pid, &nginx));
        self.tracker.handle_scan(all, now);
        self.drain()
    }

    fn at(&self, milliseconds: u64) -> Instant {
        self.start + Duration::from_millis(milliseconds)
    }

    fn input(&mut self, input: &Input<'_>, at: u64) -> Vec<Action> {
        self.tracker.handle(input, self.at(at));
        self.drain()
    }

    fn wait(&mut self, at: u64) -> Vec<Action> {
        self.tracker.handle_timeout(self.at(at));
        self.drain()
    }

    fn drain(&mut self) -> Vec<Action> {
        std::iter::from_fn(|| self.tracker.poll_action()).collect()
    }
}

fn gained() -> Vec<Action> {
    vec![
        Action::Log(LogLine::Info(
            "Quorum gained for tracked process web".into(),
        )),
        Action::Changed { up: true },
    ]
}

fn lost() -> Vec<Action> {
    vec![
        Action::Log(LogLine::Info("Quorum lost for tracked process web".into())),
        Action::Changed { up: false },
    ]
}

#[test]
fn names_are_the_kernels_and_longer_ones_are_checked_by_the_command_line() {
    let long = Settings {
        process: "a-process-with-a-long-name".into(),
        ..settings()
    };
    for (settings, comm, arguments, matches) in [
        (settings(), "nginx", &["nginx: master process"][..], true),
        (settings(), "nginx", &[][..], true),
        (settings(), "nginx2", &["nginx"][..], false),
        (
            long.clone(),
            "a-process-with-",
            &["/usr/bin/a-process-with-a-long-name"][..],
            true,
        ),
        (
            long.clone(),
            "a-process-with-",
            &["a-process-with-another"][..],
            false,
        ),
        // A script: the interpreter comes first.
        (
            long,
            "a-process-with-",
            &["/bin/sh", "/opt/a-process-with-a-long-name", "-x"][..],
            true,
        ),
    ] {
        let identity = identity(comm, arguments);
        assert_eq!(settings.matches(&identity), matches, "{identity:?}");
    }
}

#[test]
fn full_command_asks_for_the_first_word_of_the_command_line() {
    let settings = Settings {
        process: "/usr/sbin/nginx".into(),
        full_command: true,
        ..settings()
    };
    assert!(settings.matches(&identity("x", &["/usr/sbin/nginx", "-g", "daemon off;"])));
    assert!(!settings.matches(&identity("nginx", &["nginx"])));
    assert!(!settings.matches(&identity("nginx", &[])));
}

#[test]
fn parameters_are_compared_as_param_match_says() {
    use ParamMatch::{Exact, Initial, Partial};
    for (param_match, wanted, found, matches) in [
        (None, &[][..], &["-d"][..], true),
        (Some(Exact), &[][..], &["-d"][..], false),
        (Some(Exact), &[][..], &[][..], true),
        (None, &["-d", "x"][..], &["-d", "x"][..], true),
        (None, &["-d", "x"][..], &["-d", "x", "y"][..], false),
        (None, &["-d", "x"][..], &["-d"][..], false),
        (Some(Partial), &["-d", "x"][..], &["-d", "x", "y"][..], true),
        (Some(Partial), &["-d", "x"][..], &["-d", "xy"][..], false),
        (Some(Partial), &["-d", "x"][..], &["-d"][..], false),
        (
            Some(Initial),
            &["-d", "x"][..],
            &["-d", "xy", "z"][..],
            true,
        ),
        (Some(Initial), &["-d", "x"][..], &["-dd", "xy"][..], false),
        (Some(Initial), &["-d", "x"][..], &["-d"][..], false),
        (Some(Initial), &[][..], &["-d"][..], true),
    ] {
        let settings = Settings {
            parameters: wanted.iter().map(|it| (*it).into()).collect(),
            param_match,
            ..settings()
        };
        let arguments: Vec<&str> = ["nginx"].iter().chain(found).copied().collect();
        let identity = identity("nginx", &arguments);
        assert_eq!(
            settings.matches(&identity),
            matches,
            "{settings:?} {found:?}"
        );
    }
}

#[test]
fn the_first_scan_decides_at_once() {
    let delayed = || Settings {
        fork_delay: Duration::from_secs(1),
        terminate_delay: Duration::from_secs(1),
        ..settings()
    };
    assert!(World::new(delayed(), 1).tracker.is_up());
    assert!(!World::new(delayed(), 0).tracker.is_up());
}

#[test]
fn forks_programs_and_ends_are_counted() {
    let mut world = World::new(
        Settings {
            quorum: 2,
            quorum_max: Some(3),
            ..settings()
        },
        1,
    );
    let nginx = identity("nginx", &["nginx"]);
    let other = identity("sh", &["sh"]);
    assert!(!world.tracker.is_up());
    // A stranger's children are strangers.
    assert_eq!(
        world.input(
            &Input::Fork {
                parent: 9,
                child: 10
            },
            0
        ),
        []
    );
    assert_eq!(
        world.input(
            &Input::Fork {
                parent: 1,
                child: 2
            },
            0
        ),
        gained()
    );
    // The child runs something else.
    let changed = |pid, identity| Input::Changed { pid, identity };
    assert_eq!(world.input(&changed(2, Some(&other)), 0), lost());
    assert_eq!(world.input(&changed(2, Some(&nginx)), 0), gained());
    assert_eq!(world.input(&changed(3, Some(&nginx)), 0), []);
    // The same again is not one more.
    assert_eq!(world.input(&changed(3, Some(&nginx)), 0), []);
    assert_eq!(world.tracker.count(), 3);
    assert_eq!(world.input(&changed(4, Some(&nginx)), 0), lost());
    assert_eq!(world.input(&Input::Exit { pid: 4 }, 0), gained());
    assert_eq!(world.input(&Input::Exit { pid: 99 }, 0), []);
    // Gone before /proc could be read.
    assert_eq!(world.input(&changed(3, None), 0), []);
    assert_eq!(world.input(&Input::Exit { pid: 2 }, 0), lost());
}

#[test]
fn a_restart_within_terminate_delay_is_not_seen() {
    let mut world = World::new(
        Settings {
            terminate_delay: Duration::from_millis(100),
            ..settings()
        },
        1,
    );
    let nginx = identity("nginx", &["nginx"]);
    assert_eq!(world.input(&Input::Exit { pid: 1 }, 0), []);
    assert_eq!(world.tracker.poll_timeout(), Some(world.at(100)));
    let back = Input::Changed {
        pid: 2,
        identity: Some(&nginx),
    };
    assert_eq!(world.input(&back, 99), []);
    assert_eq!(world.tracker.poll_timeout(), None);
    assert_eq!(world.input(&Input::Exit { pid: 2 }, 200), []);
    assert_eq!(world.wait(299), []);
    assert_eq!(world.wait(300), lost());
}

#[test]
fn the_moment_between_fork_and_exec_is_hidden_by_fork_delay() {
    let mut world = World::new(
        Settings {
            quorum_max: Some(1),
            fork_delay: Duration::from_millis(100),
            ..settings()
        },
        1,
    );
    let fork = Input::Fork {
        parent: 1,
        child: 2,
    };
    assert_eq!(world.input(&fork, 0), []);
    let other = identity("sh", &["sh"]);
    let changed = Input::Changed {
        pid: 2,
        identity: Some(&other),
    };
    assert_eq!(world.input(&changed, 50), []);
    assert_eq!(world.wait(500), []);
    assert_eq!(world.input(&fork, 1000), []);
    // Another fork does not begin the delay anew.
    assert_eq!(
        world.input(
            &Input::Fork {
                parent: 1,
                child: 3
            },
            1090
        ),
        []
    );
    assert_eq!(world.wait(1100), lost());
}

#[test]
fn a_scan_after_lost_messages_says_what_it_finds() {
    let mut world = World::new(settings(), 2);
    let line = |text: &str| Action::Log(LogLine::Info(text.into()));
    assert_eq!(
        world.scan(3, 0),
        [line(
            "Process web, number of current processes changed from 2 to 3"
        )]
    );
    let mut actions = vec![line(
        "Process web, number of current processes changed from 3 to 0, quorum down",
    )];
    actions.extend(lost());
    assert_eq!(world.scan(0, 0), actions);
    let mut actions = vec![line(
        "Process web, number of current processes changed from 0 to 1, quorum up",
    )];
    actions.extend(gained());
    assert_eq!(world.scan(1, 0), actions);
    assert_eq!(world.scan(1, 0), []);
}
