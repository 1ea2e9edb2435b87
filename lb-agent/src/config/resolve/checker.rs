//! Checkers: what each kind has for itself, and its defaults.

use std::time::Duration;

use super::Resolver;
use super::server::Outer;
use crate::config::diagnostic::Code;
use crate::config::draft::{CheckDraft, CheckerDraft, SmtpCheckDraft};
use crate::config::model::{
    BfdCheck, Checker, CheckerKind, FileCheck, MiscCheck, SmtpCheck, SslGet,
};
use crate::config::text::Spanned;

impl Resolver<'_> {
    /// A checker; `None` when it checks nothing.
    pub(super) fn checker(&mut self, draft: &CheckDraft, outer: &Outer<'_>) -> Option<Checker> {
        let second = Duration::from_secs(1);
        match draft {
            CheckDraft::Tcp(tcp) => {
                let kind = self.tcp_check(tcp, outer);
                Some(self.common(kind, tcp, outer, 1, second))
            }
            CheckDraft::Http(http) => {
                let kind = CheckerKind::Http(self.http_get(http, outer.virtualhost)?);
                Some(self.common(kind, http, outer, 1, Duration::from_secs(3)))
            }
            CheckDraft::Ssl(ssl) => {
                let kind = CheckerKind::Ssl(SslGet {
                    get: self.http_get(&ssl.checker, outer.virtualhost)?,
                    enable_sni: ssl.enable_sni,
                    sni_name: ssl.sni_name.as_ref().map(|name| name.value.clone()),
                });
                Some(self.common(kind, &ssl.checker, outer, 1, Duration::from_secs(3)))
            }
            CheckDraft::Smtp(smtp) => {
                let kind = CheckerKind::Smtp(self.smtp(smtp, outer));
                Some(self.common(kind, &smtp.checker, outer, 1, second))
            }
            CheckDraft::Misc(misc) => {
                if misc.value.misc_path.command.is_empty() {
                    return self.without_setting(&misc.checker, "misc_path");
                }
                let value = misc.value.clone();
                let checker = self.common(CheckerKind::Ping, &misc.checker, outer, 0, second);
                let misc_timeout = misc.misc_timeout;
                let kind = CheckerKind::Misc(MiscCheck {
                    misc_timeout: misc_timeout.map_or(checker.delay_loop, |given| given.value),
                    ..value
                });
                Some(Checker { kind, ..checker })
            }
            CheckDraft::Dns(dns) => {
                let kind = CheckerKind::Dns(dns.value.clone());
                let checker = self.common(kind, &dns.checker, outer, 3, second);
                let settings = dns.checker.checks.within(outer.settings);
                let delay = settings.delay_before_retry;
                Some(Checker {
                    delay_before_retry: delay.map_or(checker.delay_loop, |given| given.value),
                    ..checker
                })
            }
            CheckDraft::Udp(udp) => {
                let kind = CheckerKind::Udp(udp.value.clone());
                Some(self.common(kind, &udp.checker, outer, 1, second))
            }
            CheckDraft::Ping(checker) => {
                Some(self.common(CheckerKind::Ping, checker, outer, 1, second))
            }
            CheckDraft::Bfd(bfd) => {
                let name = self.named_by(bfd.name.as_ref(), &bfd.checker, "name")?;
                let up = "the server counts as up without this check";
                if !self.refers(|names| &names.bfd_instances, "bfd_instance", name, up) {
                    return None;
                }
                let name = name.value.clone();
                let kind = CheckerKind::Bfd(BfdCheck { name });
                Some(self.common(kind, &bfd.checker, outer, 0, second))
            }
            CheckDraft::File(file) => {
                let name = self.named_by(file.track_file.as_ref(), &file.checker, "track_file")?;
                let up = "the server counts as up without this check";
                if !self.refers(|names| &names.track_files, "track_file", name, up) {
                    return None;
                }
                let kind = CheckerKind::File(FileCheck {
                    track_file: name.value.clone(),
                    weight: file.weight,
                });
                Some(self.common(kind, &file.checker, outer, 0, second))
            }
        }
    }

    fn tcp_check(&mut self, draft: &CheckerDraft, outer: &Outer<'_>) -> CheckerKind {
        match (draft.xdp_check_via_tunnel, outer.no_tunnel) {
            (Some(asked), None) if asked.value => CheckerKind::TcpViaTunnel,
            (Some(asked), Some(why)) if asked.value => {
                let message = format!(
                    "`xdp_check_via_tunnel` {why}: the server is checked at its own address"
                );
                self.error(Code::BadValue, asked.span, message);
                CheckerKind::Tcp
            }
            (Some(_) | None, _) => CheckerKind::Tcp,
        }
    }

    fn smtp(&mut self, draft: &SmtpCheckDraft, outer: &Outer<'_>) -> SmtpCheck {
        let helo_name = draft.helo_name.as_ref().map(|name| name.value.clone());
        let global = &self.global.value.mail.smtp_helo_name;
        let helo_name = helo_name.or_else(|| global.clone());
        let second = Duration::from_secs(1);
        let settings = draft.checker.checks.within(outer.settings);
        let inner = Outer {
            settings: &settings,
            ..*outer
        };
        let hosts = draft.hosts.iter();
        let hosts = hosts.map(|host| self.common((), host, &inner, 1, second));
        SmtpCheck {
            hosts: hosts.collect(),
            helo_name,
        }
    }

    fn named_by<'n, T>(
        &mut self,
        name: Option<&'n Spanned<T>>,
        checker: &CheckerDraft,
        setting: &str,
    ) -> Option<&'n Spanned<T>> {
        name.or_else(|| self.without_setting(checker, setting))
    }

    fn without_setting<T>(&mut self, checker: &CheckerDraft, setting: &str) -> Option<T> {
        let message = format!(
            "`{}` without `{setting}`: the server counts as up without this check",
            checker.name.value.keyword()
        );
        self.warning(Code::MissingSetting, checker.name.span, message);
        None
    }
}
