//! What pools and checkers say, in the words of scripts, FIFOs and mails.

use super::Telling;
use crate::config::model::{RealServerKey, VirtualServerKey};
use crate::health::name::ServiceName;
use crate::health::pool::Notice;
use crate::health::{Change, Event};
use crate::notify::event;
use crate::notify::mail::Mail;
use crate::notify::servers::Told;

impl Telling {
    /// Tells what a pool has said.
    pub(in crate::runtime::supervisor) fn handle_notice(
        &self,
        service: &VirtualServerKey,
        notice: &Notice,
    ) {
        match notice {
            Notice::RealServer { key, up } => {
                self.tell_server(service, key, *up);
            }
            Notice::ShutDown { key, removed } => {
                let name = self.tell_server(service, key, false);
                let sentence = if *removed {
                    "Removing"
                } else {
                    "Shutting down"
                };
                self.mail_about(service, key, false, &name, sentence);
            }
            Notice::Quorum { up, sentence } => {
                let name = service.to_string();
                let told = self.servers().find_map(|it| it.service(service));
                if let Some(told) = told {
                    self.run_one(&told.quorum, *up, name.clone());
                    if told.quorum.smtp_alert {
                        let router_id = &self.settings.router_id;
                        self.send(event::virtual_server_mail(router_id, &name, *up, sentence));
                    }
                }
                self.write_server(&event::virtual_server_line(&name, *up));
            }
        }
    }

    /// Sends the mail about a checker's change of mind, if somebody wants it.
    pub(in crate::runtime::supervisor) fn handle_checker(&self, event: &Event) {
        let Change::Checker {
            up,
            sentence,
            server_too,
        } = &event.change
        else {
            return;
        };
        if !server_too && self.settings.servers.no_checker_emails {
            return;
        }
        let (service, key) = (&event.virtual_server, &event.real_server);
        let name = ServiceName::of_real_server(service, key).to_string();
        let Some(mut mail) = self.mail(service, key, *up, &name, sentence) else {
            return;
        };
        if !up {
            // keepalived's sentence does not say why.
            mail.body.push_str("\n\n");
            mail.body.push_str(&event.reason);
        }
        self.send(mail);
    }

    /// Its script and the FIFOs; its name.
    fn tell_server(&self, service: &VirtualServerKey, key: &RealServerKey, up: bool) -> String {
        let name = ServiceName::of_real_server(service, key).to_string();
        if let Some(told) = self.servers().find_map(|it| it.server(service, key)) {
            self.run_one(told, up, format!("{name} {service}"));
        }
        self.write_server(&event::real_server_line(&name, service, up));
        name
    }

    fn run_one(&self, told: &Told, up: bool, queue: String) {
        if let Some(script) = told.script(up) {
            self.run(queue, vec![script.clone()]);
        }
    }

    fn mail_about(
        &self,
        service: &VirtualServerKey,
        key: &RealServerKey,
        up: bool,
        name: &str,
        sentence: &str,
    ) {
        if let Some(mail) = self.mail(service, key, up, name, sentence) {
            self.send(mail);
        }
    }

    /// `None`: nobody wants it.
    fn mail(
        &self,
        service: &VirtualServerKey,
        key: &RealServerKey,
        up: bool,
        name: &str,
        sentence: &str,
    ) -> Option<Mail> {
        let told = self.servers().find_map(|it| it.server(service, key))?;
        let router_id = &self.settings.router_id;
        told.smtp_alert
            .then(|| event::real_server_mail(router_id, name, service, up, sentence))
    }
}
