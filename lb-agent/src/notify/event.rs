//! What can be told, in keepalived's formats (all checked against keepalived 2.2.7).

use std::fmt;
use std::net::IpAddr;

use super::mail::Mail;

/// Whom an event is about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Subject {
    /// A `vrrp_instance`.
    Instance(String),
    /// A `vrrp_sync_group`.
    Group(String),
}

/// The state that was entered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// MASTER.
    Master,
    /// BACKUP.
    Backup,
    /// FAULT.
    Fault,
    /// The agent stops.
    Stop,
    /// A reload has removed the instance.
    Deleted,
}

/// Something about VRRP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// A state was entered.
    Entered(State),
    /// The effective priority is another (`vrrp_notify_priority_changes`), in MASTER or BACKUP.
    Priority(State),
    /// A master has heard an advert of a lower priority.
    MasterRxLowerPri,
    /// There is another master (ours: `notify_split_brain`), or, with `None`, no longer.
    SplitBrain(Option<Rival>),
}

/// The other master, as far as it is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rival {
    /// The address it sends adverts from, else the virtual address that it answers for.
    pub address: IpAddr,
    /// Its MAC address.
    pub mac: Option<[u8; 6]>,
}

/// One event of one subject.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Whom it is about.
    pub subject: Subject,
    /// What happened.
    pub what: What,
    /// The effective priority; 0 for groups.
    pub priority: u8,
}

impl Subject {
    const fn parts(&self) -> (&'static str, &String) {
        match self {
            Self::Instance(name) => ("INSTANCE", name),
            Self::Group(name) => ("GROUP", name),
        }
    }
}

impl State {
    /// keepalived's word.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Master => "MASTER",
            Self::Backup => "BACKUP",
            Self::Fault => "FAULT",
            Self::Stop => "STOP",
            Self::Deleted => "DELETED",
        }
    }
}

impl fmt::Display for What {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Entered(state) => f.write_str(state.word()),
            Self::Priority(state) => write!(f, "{}_PRIORITY", state.word()),
            Self::MasterRxLowerPri => f.write_str("MASTER_RX_LOWER_PRI"),
            Self::SplitBrain(Some(_)) => f.write_str("SPLIT_BRAIN"),
            Self::SplitBrain(None) => f.write_str("SPLIT_BRAIN_HEALED"),
        }
    }
}

impl Event {
    /// Whether FAULT was entered.
    pub const fn is_fault(&self) -> bool {
        matches!(self.what, What::Entered(State::Fault))
    }

    /// What the generic `notify` script gets after its own arguments:
    /// `INSTANCE|GROUP NAME STATE PRIORITY`; `notify_split_brain` also gets the other master's
    /// address and MAC address (`-` if it is not known).
    pub fn arguments(&self) -> Vec<String> {
        let (kind, name) = self.subject.parts();
        let mut arguments = vec![
            kind.into(),
            name.clone(),
            self.what.to_string(),
            self.priority.to_string(),
        ];
        if let What::SplitBrain(Some(Rival { address, mac })) = self.what {
            let hex = |mac: [u8; 6]| mac.map(|byte| format!("{byte:02x}")).join(":");
            arguments.extend([address.to_string(), mac.map_or_else(|| "-".into(), hex)]);
        }
        arguments
    }

    /// The line for a FIFO, with its end. `None`: keepalived has none, and its readers know none.
    pub fn line(&self) -> Option<String> {
        if let What::SplitBrain(_) = self.what {
            return None;
        }
        let (kind, name) = self.subject.parts();
        Some(format!(
            "{kind} \"{name}\" {} {}\n",
            self.what, self.priority
        ))
    }

    /// The mail about it; `None`: keepalived sends none.
    pub fn mail(&self, router_id: &str) -> Option<Mail> {
        let What::Entered(state) = self.what else {
            return None;
        };
        let (kind, name) = match &self.subject {
            Subject::Instance(name) => ("Instance", name),
            Subject::Group(name) => ("Group", name),
        };
        let (event, body) = match (&self.subject, state) {
            (Subject::Instance(_), State::Master) => (
                "Entering MASTER state",
                "=> VRRP Instance is now owning VRRP VIPs <=",
            ),
            (Subject::Instance(_), State::Backup) => (
                "Entering BACKUP state",
                "=> VRRP Instance is no longer owning VRRP VIPs <=",
            ),
            (Subject::Instance(_), State::Fault) => (
                "Entering FAULT state",
                "=> VRRP Instance is no longer owning VRRP VIPs <=",
            ),
            (Subject::Instance(_), State::Stop) => ("Stopping", "=> VRRP Instance stopping <="),
            (Subject::Instance(_), State::Deleted) => ("Deleted", "=> VRRP Deleted at reload <="),
            (Subject::Group(_), State::Master) => (
                "Entering MASTER state",
                "=> All VRRP group instances are now in MASTER state <=",
            ),
            (Subject::Group(_), State::Backup) => (
                "Entering BACKUP state",
                "=> All VRRP group instances are now in BACKUP state <=",
            ),
            (Subject::Group(_), State::Fault) => (
                "Entering FAULT state",
                "=> All VRRP group instances are now in FAULT state <=",
            ),
            (Subject::Group(_), State::Stop) => (
                "Stopping",
                "=> All VRRP group instances are now stopping <=",
            ),
            (Subject::Group(_), State::Deleted) => return None,
        };
        Some(Mail {
            subject: format!("[{router_id}] VRRP {kind} {name} - {event}"),
            body: body.into(),
        })
    }
}

/// The line for a FIFO about a virtual server, whose name is keepalived's (`[192.168.0.1]:tcp:80`).
/// keepalived ends it with a NUL; we do not.
pub fn virtual_server_line(virtual_server: impl fmt::Display, up: bool) -> String {
    format!("VS {virtual_server} {}\n", up_or_down(up))
}

/// The line for a FIFO about a real server of a virtual server.
pub fn real_server_line(
    real_server: impl fmt::Display,
    virtual_server: impl fmt::Display,
    up: bool,
) -> String {
    format!("RS {real_server} {virtual_server} {}\n", up_or_down(up))
}

/// The mail about a real server; `body` is the checker's sentence, without its arrows.
pub fn real_server_mail(
    router_id: &str,
    real_server: impl fmt::Display,
    virtual_server: impl fmt::Display,
    up: bool,
    body: &str,
) -> Mail {
    let state = up_or_down(up);
    Mail {
        subject: format!(
            "[{router_id}] Realserver {real_server} of virtual server {virtual_server} - {state}"
        ),
        body: format!("=> {body} <="),
    }
}

/// The mail about a virtual server's quorum; `body` is the sentence, without its arrows.
pub fn virtual_server_mail(
    router_id: &str,
    virtual_server: impl fmt::Display,
    up: bool,
    body: &str,
) -> Mail {
    let state = up_or_down(up);
    Mail {
        subject: format!("[{router_id}] Virtualserver {virtual_server} - {state}"),
        body: format!("=> {body} <="),
    }
}

const fn up_or_down(up: bool) -> &'static str {
    if up { "UP" } else { "DOWN" }
}

#[cfg(test)]
mod tests;
