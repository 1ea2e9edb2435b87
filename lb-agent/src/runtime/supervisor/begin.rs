//! The start of everything, in the order in which it can be given up again.

use tokio::sync::mpsc;
use tracing::{error, warn};

use super::applied::Applied;
use super::bfd::Sessions;
use super::conduct::Conduct;
use super::memory::Memory;
use super::network::Network;
use super::planes::Planes;
use super::reload::Reloads;
use super::signals::Signals;
use super::telling::Telling;
use super::vigil::Vigil;
use super::{RunError, Supervisor, vrrp, write_lines};
use crate::config::Loaded;
use crate::control;
use crate::health;
use crate::notify;
use crate::runtime::director::Director;
use crate::runtime::reload::timed::driver::TimedReload;
use crate::runtime::reload::{Origin, errors, host_name, save};
use crate::runtime::state::StateFile;
use crate::runtime::status::StatusFile;
use crate::runtime::{clock, interfaces, trackers};
use crate::script::Programs;
use crate::vrrp::driver;

impl Supervisor {
    pub(super) fn start(
        loaded: Loaded,
        origin: Origin,
        instance: &str,
        conduct: Conduct,
        programs: &Programs,
        signals: Signals,
    ) -> Result<Self, RunError> {
        let errors = errors(&loaded);
        save(&loaded, None, 0);
        // Who calls while we start waits.
        let status = StatusFile::new(instance);
        let control = control::server::Server::listen(&status.folder().join(control::SOCKET));
        let memory = Memory::new(StateFile::new(instance));
        let known = memory.read();
        let gates = known.as_ref().map(|(state, _)| state.gates.clone());
        // From the beginning: nobody is sent to a server that was drained or down.
        let pools = known
            .as_ref()
            .map(|(state, results)| (&*state.health.pools, *results));
        let (pools, results) = pools.unwrap_or_default();
        let gates = gates.unwrap_or_default();
        let (mut director, lines) =
            Director::go_on(loaded.config, &gates, pools, results.then(clock::now));
        write_lines(lines);
        let mut network = Network::open()?;
        network.read_all(&mut director)?;
        let existing: Vec<&str> = director.links().map(|link| link.name.as_str()).collect();
        for missing in interfaces::missing(director.config(), &existing) {
            warn!("{missing}");
        }
        network.settle(&mut director, clock::now());

        let mut planes = Planes::start(instance, &mut director)?;
        let telling = Telling::start(notify::from_config::Settings::new(
            director.config(),
            programs,
            &host_name(),
        ));
        let (tell, news) = mpsc::unbounded_channel();
        let (setup, watched) = trackers::setup(director.config(), programs);
        let ready = vrrp::prepare(&director, &planes, setup, conduct, tell.clone());
        let begun = ready.map_err(RunError::from).and_then(|ready| {
            // Whatever may be refused is there: from here on services change.
            planes.begin(&mut director)?;
            Ok(ready.map(driver::Prepared::spawn).transpose()?)
        });
        let vrrp = match begun {
            Ok(vrrp) => vrrp,
            Err(error) => {
                planes.give_back();
                return Err(error);
            }
        };
        planes.keep();
        let (sender, events) = mpsc::unbounded_channel();
        let services = health::prepare::services(director.config(), programs);
        programs.say_violation();
        if let Some(why) = programs.unanswered() {
            warn!("{why}; `lb-agent reload`, once it answers, brings them");
        }
        let share = director.config().global_defs.xdp_share_checks;
        let health = health::driver::spawn(&services, share, sender);
        match known {
            Some((state, true)) => health.restore(state.health),
            Some((state, false)) => health.restore_counters(state.health),
            None => {}
        }
        let reporter = vrrp.as_ref().map(driver::Handle::reporter);
        let trackers = reporter.as_ref().map(|to| watched.start(to, None));
        let (reach, reached) = mpsc::unbounded_channel();
        let sessions = Sessions::start(director.config(), reporter.as_ref(), reach);
        let mut timed = TimedReload::default();
        timed.follow(&director.config().global_defs.reload);
        Ok(Self {
            instance: instance.to_owned(),
            places: vrrp::names(director.config()).map(str::to_owned).collect(),
            director,
            network,
            planes,
            vrrp,
            vigil: Vigil::default(),
            tell,
            news,
            trackers,
            sessions,
            reached,
            telling,
            health,
            events,
            status,
            control: control.inspect_err(|error| error!("{error}")).ok(),
            reloads: Reloads::new(origin, errors),
            timed,
            memory,
            signals,
            conduct,
            stale: true,
            applied: Applied::default(),
        })
    }
}
