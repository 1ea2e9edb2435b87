//! What the instances track: watched from the agent's thread, told to the VRRP thread.

use tracing::{error, warn};

use crate::config::model::Config;
use crate::script::{self, Programs, Script, tracker};
use crate::track::{file, process};
use crate::vrrp::driver::{Report, Reporter};
use crate::vrrp::settings::{Kind, Setup, Status};

/// What is to be watched, found and ready.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Watched {
    scripts: Vec<(tracker::Settings, Script)>,
    files: Vec<file::Settings>,
    processes: Vec<process::Settings>,
}

/// What VRRP is to do for a configuration, and what is to be watched for it: only what somebody
/// will report on is tracked. Reads directories and the user database.
pub fn setup(config: &Config, programs: &Programs) -> (Setup, Watched) {
    let mut setup = Setup::from(config);
    for session in config.bfd_instances.iter().filter(|it| !it.vrrp) {
        if setup.tracks(Kind::Bfd, &session.name) {
            let name = &session.name;
            warn!(
                "bfd_instance {name} is for checkers only (`checker` without `vrrp`): it is not \
                 tracked"
            );
            setup.untrack(Kind::Bfd, name);
        }
    }
    let watched = Watched::find(config, &mut setup, programs);
    (setup, watched)
}

impl Watched {
    /// What the instances of `setup` track. A script that must not or cannot run is tracked no
    /// longer, and the log says why.
    fn find(config: &Config, setup: &mut Setup, programs: &Programs) -> Self {
        let mut scripts = Vec::new();
        for one in &config.vrrp_scripts {
            if !setup.tracks(Kind::Script, &one.name) {
                continue;
            }
            match programs.find("track script", &one.name, &one.script) {
                Some(script) => scripts.push((one.into(), script)),
                None => setup.untrack(Kind::Script, &one.name),
            }
        }
        let files = config.track_files.iter();
        let files = files.filter(|one| setup.tracks(Kind::File, &one.name));
        let processes = config.vrrp_track_processes.iter();
        let processes = processes.filter(|one| setup.tracks(Kind::Process, &one.name));
        Self {
            scripts,
            files: files.map(Into::into).collect(),
            processes: processes.map(Into::into).collect(),
        }
    }

    /// Watches, on the runtime of the caller, and tells the instances how everything is: what is
    /// known at once, and every change. `before`: what was watched until now, at a reload, for the
    /// same instances; what stays as it is goes on, and no file is written over.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime.
    pub fn start(self, reporter: &Reporter, before: Option<Trackers>) -> Trackers {
        let reload = before.is_some();
        let before = before.unwrap_or_default();
        let scripts = watch_scripts(before.scripts, self.scripts.clone(), reporter);
        let files = if before.watched.files == self.files {
            before.files
        } else {
            let known = known_of_files(&before.watched.files, &self.files, before.files);
            let known = reload.then_some(known.as_slice());
            (!self.files.is_empty())
                .then(|| watch_files(&self.files, known, reporter))
                .flatten()
        };
        let processes = if before.watched.processes == self.processes {
            before.processes
        } else {
            drop(before.processes);
            let processes = self.processes.clone();
            (!processes.is_empty()).then(|| watch_processes(processes, reporter))
        };
        Trackers {
            scripts,
            files,
            processes,
            watched: self,
        }
    }
}

/// The running trackers. Dropped, they end.
#[derive(Debug, Default)]
pub struct Trackers {
    scripts: script::driver::Handle,
    files: Option<file::driver::Handle>,
    processes: Option<process::driver::Handle>,
    watched: Watched,
}

impl Trackers {
    /// What is watched: a reload that changes nothing of it need not begin anew.
    pub const fn watched(&self) -> &Watched {
        &self.watched
    }

    /// Ends them; running scripts are told to end, and no report comes any more.
    pub async fn stop(self) {
        self.scripts.stop().await;
    }
}

const fn up(up: bool) -> Status {
    if up { Status::Up } else { Status::Down }
}

fn watch_scripts(
    before: script::driver::Handle,
    scripts: Vec<(tracker::Settings, Script)>,
    reporter: &Reporter,
) -> script::driver::Handle {
    let to = reporter.clone();
    let handle = before.go_on(scripts, move |name, is_up| {
        to.report(report(Kind::Script, name, up(is_up)));
    });
    // `init_fail`: down before the first run.
    for status in handle.status() {
        if let Some(is_up) = status.up {
            reporter.report(report(Kind::Script, &status.name, up(is_up)));
        }
    }
    handle
}

/// What the files that stay count as; nobody watches them any more.
fn known_of_files(
    before: &[file::Settings],
    now: &[file::Settings],
    watched: Option<file::driver::Handle>,
) -> Vec<file::driver::Status> {
    let mut known = watched.map(|it| it.status()).unwrap_or_default();
    let is_same = |one: &file::Settings, name: &str| {
        let mut before = before.iter().filter(|it| it.name == name);
        one.name == name && before.any(|it| it.path == one.path)
    };
    known.retain(|it| now.iter().any(|one| is_same(one, &it.name)));
    known
}

/// Files that are not watched count as 0, what a missing file counts as.
fn watch_files(
    files: &[file::Settings],
    before: Option<&[file::driver::Status]>,
    reporter: &Reporter,
) -> Option<file::driver::Handle> {
    let names: Vec<String> = files.iter().map(|it| it.name.clone()).collect();
    let to = reporter.clone();
    let handle = file::driver::spawn(files, before, move |event| {
        if let Some(name) = names.get(event.file) {
            to.report(report(Kind::File, name, value(event.value)));
        }
    });
    match handle {
        Ok(handle) => Some(handle),
        Err(error) => {
            error!("cannot watch track files: {error}; each of them counts as 0");
            for one in files {
                reporter.report(report(Kind::File, &one.name, Status::Value(0)));
            }
            None
        }
    }
}

fn watch_processes(
    processes: Vec<process::Settings>,
    reporter: &Reporter,
) -> process::driver::Handle {
    for one in &processes {
        if !one.full_command && one.process.len() > process::COMM_LEN {
            let (name, process) = (&one.name, &one.process);
            warn!(
                "vrrp_track_process {name}: the kernel's names of processes have at most {} bytes, \
                 and `{process}` has more; `full_command` compares all of it",
                process::COMM_LEN
            );
        }
    }
    let names: Vec<String> = processes.iter().map(|it| it.name.clone()).collect();
    let to = reporter.clone();
    // It tells the state of each before it returns.
    process::driver::spawn(processes, process::driver::RECEIVE_BUFFER, move |event| {
        if let Some(name) = names.get(event.process) {
            to.report(report(Kind::Process, name, up(event.up)));
        }
    })
}

fn value(value: file::Value) -> Status {
    let nearest = if value < 0 { i32::MIN } else { i32::MAX };
    Status::Value(i32::try_from(value).unwrap_or(nearest))
}

fn report(kind: Kind, name: &str, status: Status) -> Report {
    Report {
        kind,
        name: name.to_owned(),
        status,
    }
}
