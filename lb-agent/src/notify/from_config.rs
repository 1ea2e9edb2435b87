//! From a configuration to whom to tell. Programs and users are looked for here, once; what cannot
//! be used is said in the log and left out.

use std::time::Duration;

use crate::config::model::{Config, Fifo, Mail, Notify, SmtpTls, VrrpInstance, VrrpSyncGroup};
use crate::script::{Programs, User};

use super::event::Subject;
use super::fifo;
use super::mail::Envelope;
use super::mailer::{self, Server};
use super::script::Scripts;
use super::servers::Servers;
use super::smtp::Credentials;
use super::tls::Tls;
use tracing::{error, warn};

/// Which events a FIFO is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Audience {
    /// `notify_fifo`.
    All,
    /// `vrrp_notify_fifo`.
    Vrrp,
    /// `lvs_notify_fifo`.
    Lvs,
}

/// Whom an instance or a sync group tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// Whom it is about.
    pub subject: Subject,
    /// Its scripts.
    pub scripts: Scripts,
    /// `smtp_alert`.
    pub smtp_alert: bool,
    /// `notify_priority_changes`: FIFOs hear of priorities.
    pub notify_priority_changes: bool,
    /// `notify_deleted`: a reload that removes it says DELETED instead of FAULT.
    pub notify_deleted: bool,
}

/// Whom a configuration tells.
#[derive(Clone, Debug)]
pub struct Settings {
    /// `router_id`, else the host's name: begins the subjects of mails.
    pub router_id: String,
    /// `vrrp_instance`, in the order of the configuration.
    pub instances: Vec<Told>,
    /// `vrrp_sync_group`, in the order of the configuration.
    pub groups: Vec<Told>,
    /// Virtual and real servers.
    pub servers: Servers,
    /// The FIFOs.
    pub fifos: Vec<(Audience, fifo::Settings)>,
    /// `None`: there is no `smtp_server`, or nobody to write to.
    pub mail: Option<mailer::Settings>,
    /// `no_email_faults`.
    pub no_email_faults: bool,
}

impl Settings {
    /// Those of `config` on the host called `host`.
    pub fn new(config: &Config, programs: &Programs, host: &str) -> Self {
        let global = &config.global_defs;
        let router_id = global.router_id.clone();
        Self {
            router_id: router_id.unwrap_or_else(|| host.to_owned()),
            instances: told(&config.vrrp_instances, programs, |it: &VrrpInstance| {
                (Subject::Instance(it.name.clone()), &it.notify)
            }),
            groups: told(&config.vrrp_sync_groups, programs, |it: &VrrpSyncGroup| {
                (Subject::Group(it.name.clone()), &it.notify)
            }),
            servers: Servers::new(config, programs),
            fifos: fifos(config, programs),
            mail: mail(&global.mail, host),
            no_email_faults: global.mail.no_email_faults,
        }
    }
}

fn told<T>(
    blocks: &[T],
    programs: &Programs,
    parts: impl Fn(&T) -> (Subject, &Notify),
) -> Vec<Told> {
    let told = blocks.iter().map(|block| {
        let (subject, notify) = parts(block);
        Told {
            subject,
            scripts: scripts(notify, programs),
            smtp_alert: notify.smtp_alert,
            notify_priority_changes: notify.notify_priority_changes,
            notify_deleted: notify.notify_deleted,
        }
    });
    told.collect()
}

fn scripts(notify: &Notify, programs: &Programs) -> Scripts {
    let find = |command: &Option<_>| {
        let command: &crate::config::model::Command = command.as_ref()?;
        programs.find("notify script", &command.command, command)
    };
    Scripts {
        master: find(&notify.notify_master),
        backup: find(&notify.notify_backup),
        fault: find(&notify.notify_fault),
        stop: find(&notify.notify_stop),
        master_rx_lower_pri: find(&notify.notify_master_rx_lower_pri),
        split_brain: find(&notify.notify_split_brain),
        generic: find(&notify.notify),
    }
}

fn fifos(config: &Config, programs: &Programs) -> Vec<(Audience, fifo::Settings)> {
    let notify = &config.global_defs.notify;
    let mode = 0o666 & !u32::from(config.global_defs.process.umask);
    let mut fifos: Vec<(Audience, fifo::Settings)> = Vec::new();
    for (audience, kind, given) in [
        (Audience::All, "", &notify.notify_fifo),
        (Audience::Vrrp, "vrrp ", &notify.vrrp_notify_fifo),
        (Audience::Lvs, "lvs ", &notify.lvs_notify_fifo),
    ] {
        let Some(settings) = fifo(kind, given, mode, programs) else {
            continue;
        };
        if let Some((_, other)) = fifos.iter().find(|(_, it)| it.path == settings.path) {
            let (first, path) = (other.kind, settings.path.display());
            warn!("{kind}notify fifo {path} is the {first}notify fifo already; it is ignored");
            continue;
        }
        fifos.push((audience, settings));
    }
    fifos
}

fn fifo(
    kind: &'static str,
    given: &Fifo,
    mode: u32,
    programs: &Programs,
) -> Option<fifo::Settings> {
    let path = given.fifo.as_ref()?;
    let owner = programs.user(path.user.as_deref(), path.group.as_deref());
    let command = given.fifo_script.as_ref();
    let script = command.and_then(|command| {
        programs.find(
            &format!("{kind}notify fifo script"),
            &command.command,
            command,
        )
    });
    Some(fifo::Settings {
        kind,
        path: path.path.clone(),
        owner,
        mode,
        script,
    })
}

/// `xdp_smtp_user` and `xdp_smtp_password`: both or none.
fn credentials(config: &Mail) -> Option<Credentials> {
    match (&config.xdp_smtp_user, &config.xdp_smtp_password) {
        (Some(user), Some(password)) => {
            if config.xdp_smtp_tls == SmtpTls::Off {
                warn!(
                    "xdp_smtp_user: without `xdp_smtp_tls starttls` name and password go to the \
                     server in the clear"
                );
            }
            Some(Credentials {
                user: user.clone(),
                password: String::from_utf8_lossy(password.bytes()).into_owned(),
            })
        }
        (None, None) => None,
        (Some(_), None) | (None, Some(_)) => {
            warn!("one of xdp_smtp_user and xdp_smtp_password is missing: the other is not used");
            None
        }
    }
}

fn mail(config: &Mail, host: &str) -> Option<mailer::Settings> {
    let (server, port) = config.smtp_server.as_ref()?;
    if config.notification_email.is_empty() {
        return None;
    }
    let tls = match config.xdp_smtp_tls {
        SmtpTls::Off => None,
        SmtpTls::Starttls => match Tls::read(config.xdp_smtp_ca.as_deref()) {
            Ok(tls) => Some(tls),
            Err(error) => {
                error!("xdp_smtp_tls: {error}; no mail is sent");
                return None;
            }
        },
    };
    let from = config.notification_email_from.clone();
    let helo_name = config.smtp_helo_name.clone();
    Some(mailer::Settings {
        server: Server {
            host: server.clone(),
            port: *port,
        },
        timeout: config.smtp_connect_timeout.max(Duration::from_secs(1)),
        helo_name: helo_name.unwrap_or_else(|| host.to_owned()),
        credentials: credentials(config),
        tls,
        envelope: Envelope {
            from: from.unwrap_or_else(|| format!("{}@{host}", User::own().name())),
            to: config.notification_email.clone(),
        },
    })
}

#[cfg(test)]
mod tests;
