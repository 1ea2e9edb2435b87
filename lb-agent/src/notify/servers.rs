//! Whom a configuration tells of its virtual and real servers.

use std::collections::HashMap;

use crate::config::model::{Command, Config, RealServer, RealServerKey, VirtualServerKey};
use crate::script::{Programs, Script};

/// By virtual server.
#[derive(Clone, Debug, Default)]
pub struct Servers {
    services: HashMap<VirtualServerKey, ServiceTold>,
    /// `no_checker_emails`: mails only about servers that go up or down, not about each checker.
    pub no_checker_emails: bool,
}

/// Whom a virtual server tells.
#[derive(Clone, Debug, Default)]
pub struct ServiceTold {
    /// `quorum_up` and `quorum_down`, `smtp_alert`.
    pub quorum: Told,
    servers: HashMap<RealServerKey, Told>,
}

/// Whom one of them tells.
#[derive(Clone, Debug, Default)]
pub struct Told {
    /// `notify_up`, `quorum_up`.
    pub up: Option<Script>,
    /// `notify_down`, `quorum_down`.
    pub down: Option<Script>,
    /// `smtp_alert`.
    pub smtp_alert: bool,
}

impl Servers {
    /// Those of `config`.
    pub fn new(config: &Config, programs: &Programs) -> Self {
        let services = config.virtual_servers.iter().map(|service| {
            let servers = service.real_servers.iter();
            let told = ServiceTold {
                quorum: Told {
                    up: find(service.quorum_up.as_ref(), programs),
                    down: find(service.quorum_down.as_ref(), programs),
                    smtp_alert: service.smtp_alert,
                },
                servers: servers
                    .map(|server| (server.key, of_server(server, programs)))
                    .collect(),
            };
            (service.key.clone(), told)
        });
        Self {
            services: services.collect(),
            no_checker_emails: config.global_defs.mail.no_checker_emails,
        }
    }

    /// Whom this virtual server tells.
    pub fn service(&self, key: &VirtualServerKey) -> Option<&ServiceTold> {
        self.services.get(key)
    }

    /// Whom this real server of it tells.
    pub fn server(&self, service: &VirtualServerKey, key: &RealServerKey) -> Option<&Told> {
        self.service(service)?.servers.get(key)
    }
}

impl Told {
    /// What is run.
    pub const fn script(&self, up: bool) -> Option<&Script> {
        if up {
            self.up.as_ref()
        } else {
            self.down.as_ref()
        }
    }
}

fn of_server(server: &RealServer, programs: &Programs) -> Told {
    Told {
        up: find(server.notify_up.as_ref(), programs),
        down: find(server.notify_down.as_ref(), programs),
        smtp_alert: server.smtp_alert,
    }
}

fn find(command: Option<&Command>, programs: &Programs) -> Option<Script> {
    let command = command?;
    programs.find("notify script", &command.command, command)
}
