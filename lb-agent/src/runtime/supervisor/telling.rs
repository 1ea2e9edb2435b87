//! Whom the agent tells: one runner of scripts, the FIFOs and one mailer, for VRRP and for checkers.
//!
//! Telling never waits: everything goes into queues that tasks of the same runtime work on.

mod servers;
mod vrrp;

use std::time::Duration;

use tokio::task::JoinSet;
use tracing::{error, warn};

use crate::notify::event::{Event, What};
use crate::notify::from_config::{Audience, Settings, Told};
use crate::notify::mail::Mail;
use crate::notify::script::Queue;
use crate::notify::servers::Servers;
use crate::notify::{fifo, mailer, script};
use crate::runtime::reload::Opened;
use crate::script::Script;

/// How long the agent's end waits for scripts, FIFOs and mails, all at once.
const LAST_WORDS: Duration = Duration::from_secs(5);

/// Those who are told.
#[derive(Debug)]
pub(super) struct Telling {
    settings: Settings,
    /// The servers of a configuration that is about to come: their notices come before it.
    expected: Option<Servers>,
    scripts: script::Handle,
    fifos: Vec<(Audience, fifo::Settings, fifo::Handle)>,
    /// Stays when there is nobody to write to any more, for the mails that wait.
    mailer: Option<mailer::Handle>,
}

impl Telling {
    /// Opens the FIFOs and begins to take events, on the runtime of the caller. A FIFO that cannot
    /// be opened is said, and the agent goes on without.
    pub(super) fn start(settings: Settings) -> Self {
        remark(&settings);
        let opened = fifo::open_all(settings.fifos.iter().map(|(_, it)| it));
        Self {
            scripts: script::spawn(),
            fifos: open(&settings.fifos, opened, Vec::new()),
            mailer: settings.mail.clone().map(mailer::spawn),
            settings,
            expected: None,
        }
    }

    /// From now on notices may be of servers that these settings know.
    pub(super) fn expect(&mut self, settings: &Settings) {
        self.expected = Some(settings.servers.clone());
    }

    /// `settings`, but for VRRP, which goes on as it was.
    pub(super) fn of_vrrp_before(&self, settings: Settings) -> Settings {
        Settings {
            instances: self.settings.instances.clone(),
            groups: self.settings.groups.clone(),
            ..settings
        }
    }

    /// Goes on with those of another configuration. Scripts that wait are run; a FIFO that stays
    /// the same, and is still there, stays open, with its script; mails that wait are sent as the new
    /// one says, or, if it says nothing, as the old one did. `opened`: the FIFOs, in their order.
    pub(super) fn replace(&mut self, settings: Settings, opened: Vec<Opened>) {
        remark(&settings);
        self.fifos = open(&settings.fifos, opened, std::mem::take(&mut self.fifos));
        if let Some(mail) = &settings.mail
            && self.settings.mail != settings.mail
        {
            match &self.mailer {
                Some(mailer) => mailer.go_on(mail.clone()),
                None => self.mailer = Some(mailer::spawn(mail.clone())),
            }
        }
        self.settings = settings;
        self.expected = None;
    }

    /// Those who know whom servers tell: what is to come counts first.
    fn servers(&self) -> impl Iterator<Item = &Servers> {
        self.expected.iter().chain([&self.settings.servers])
    }

    /// Runs scripts of a server, after those that were handed in before under the same name.
    fn run(&self, server: String, scripts: Vec<Script>) {
        self.scripts.runner().run(Queue::Server(server), scripts);
    }

    /// Writes a line about a server to `notify_fifo` and `lvs_notify_fifo`.
    fn write_server(&self, line: &str) {
        self.write(line, Audience::Lvs);
    }

    /// Sends a mail, if there is somebody to send it to.
    fn send(&self, mail: Mail) {
        if let Some(mailer) = self
            .mailer
            .as_ref()
            .filter(|_| self.settings.mail.is_some())
        {
            mailer.mailer().send(mail);
        }
    }

    /// Everything that was told until now is run, written and sent, for a few seconds at most.
    pub(super) async fn finish(self) {
        let fifos = async {
            let fifos = self.fifos.into_iter();
            let ends: JoinSet<()> = fifos.map(|(_, _, it)| it.finish(LAST_WORDS)).collect();
            ends.join_all().await;
        };
        let mails = async {
            if let Some(mailer) = self.mailer {
                mailer.finish(LAST_WORDS).await;
            }
        };
        tokio::join!(self.scripts.finish(LAST_WORDS), fifos, mails);
    }

    /// Tells an event of an instance or a group to its scripts, the FIFOs and by mail.
    fn tell(&self, told: &Told, event: &Event) {
        let queue = Queue::Vrrp(event.subject.clone());
        let scripts = told.scripts.for_event(event);
        self.scripts.runner().run(queue, scripts);
        let for_fifos = !matches!(event.what, What::Priority(_)) || told.notify_priority_changes;
        if let Some(line) = event.line().filter(|_| for_fifos) {
            self.write(&line, Audience::Vrrp);
        }
        if told.smtp_alert
            && !(self.settings.no_email_faults && event.is_fault())
            && let Some(mail) = event.mail(&self.settings.router_id)
        {
            self.send(mail);
        }
    }

    fn write(&self, line: &str, audience: Audience) {
        for (whose, _, fifo) in &self.fifos {
            if *whose == Audience::All || *whose == audience {
                fifo.writer().write(line.to_owned());
            }
        }
    }
}

type Fifos = Vec<(Audience, fifo::Settings, fifo::Handle)>;

/// The FIFOs of `settings`, which are `opened`; of `old` those that stay. One that somebody has deleted does
/// not: it was made anew, and nobody finds the old one any more.
fn open(settings: &[(Audience, fifo::Settings)], opened: Vec<Opened>, mut old: Fifos) -> Fifos {
    let mut fifos = Vec::with_capacity(settings.len());
    let mut new = Vec::new();
    for ((audience, settings), opened) in settings.iter().zip(opened) {
        let same = |(whose, known, fifo): &(Audience, fifo::Settings, fifo::Handle)| {
            let new = opened.as_ref().ok();
            whose == audience && known == settings && new.is_none_or(|new| fifo.writes_to(new))
        };
        match old.iter().position(same) {
            Some(place) => fifos.push(old.swap_remove(place)),
            None => new.push((*audience, settings, opened)),
        }
    }
    for (audience, settings, opened) in new {
        match opened.and_then(|fifo| fifo::spawn(settings, fifo)) {
            Ok(fifo) => fifos.push((audience, settings.clone(), fifo)),
            Err(error) => error!("{error}; nobody is told there"),
        }
    }
    // It may be the same file: what stands in it stays only as long as somebody has it open.
    for (_, _, fifo) in old {
        tokio::spawn(fifo.retire(LAST_WORDS));
    }
    fifos
}

/// Says that nobody gets the mails that the configuration asks for.
fn remark(settings: &Settings) {
    let mut told = settings.instances.iter().chain(&settings.groups);
    if settings.mail.is_none() && told.any(|it| it.smtp_alert) {
        warn!("smtp_alert has no effect: global_defs has no smtp_server or no notification_email");
    }
}
