//! The checkers beside `TCP_CHECK` and `HTTP_GET`.

use std::time::Duration;

use super::Resolver;
use super::server::Outer;
use crate::config::diagnostic::Code;
use crate::config::draft::{CheckerDraft, LaterDraft, SmtpCheckDraft};
use crate::config::model::{
    BfdCheck, Checker, FileCheck, LaterChecker, MiscCheck, SmtpCheck, SslGet,
};
use crate::config::text::Spanned;

impl Resolver<'_> {
    /// A checker and its `alpha`; `None` when it checks nothing.
    pub(super) fn later_checker(
        &mut self,
        draft: &LaterDraft,
        outer: &Outer<'_>,
    ) -> Option<Checker<LaterChecker>> {
        let second = Duration::from_secs(1);
        match draft {
            LaterDraft::Ssl(ssl) => {
                let kind = LaterChecker::Ssl(SslGet {
                    get: self.http_get(&ssl.checker, outer.virtualhost)?,
                    enable_sni: ssl.enable_sni,
                    sni_name: ssl.sni_name.as_ref().map(|name| name.value.clone()),
                });
                Some(self.common(kind, &ssl.checker, outer, 1, Duration::from_secs(3)))
            }
            LaterDraft::Smtp(smtp) => {
                let kind = LaterChecker::Smtp(self.smtp(smtp, outer));
                Some(self.common(kind, &smtp.checker, outer, 1, second))
            }
            LaterDraft::Misc(misc) => {
                if misc.value.misc_path.command.is_empty() {
                    return self.without_setting(&misc.checker, "misc_path");
                }
                let value = misc.value.clone();
                let checker = self.common(LaterChecker::Ping, &misc.checker, outer, 0, second);
                let misc_timeout = misc.misc_timeout;
                let kind = LaterChecker::Misc(MiscCheck {
                    misc_timeout: misc_timeout.map_or(checker.delay_loop, |given| given.value),
                    ..value
                });
                Some(Checker { kind, ..checker })
            }
            LaterDraft::Dns(dns) => {
                let kind = LaterChecker::Dns(dns.value.clone());
                let checker = self.common(kind, &dns.checker, outer, 3, second);
                let settings = dns.checker.checks.within(outer.settings);
                let delay = settings.delay_before_retry;
                Some(Checker {
                    delay_before_retry: delay.map_or(checker.delay_loop, |given| given.value),
                    ..checker
                })
            }
            LaterDraft::Udp(udp) => {
                let kind = LaterChecker::Udp(udp.value.clone());
                Some(self.common(kind, &udp.checker, outer, 1, second))
            }
            LaterDraft::Ping(checker) => {
                Some(self.common(LaterChecker::Ping, checker, outer, 1, second))
            }
            LaterDraft::Bfd(bfd) => {
                let name = self.named_by(bfd.name.as_ref(), &bfd.checker, "name")?;
                let up = "the server counts as up without this check";
                if !self.refers(|names| &names.bfd_instances, "bfd_instance", name, up) {
                    return None;
                }
                let name = name.value.clone();
                let kind = LaterChecker::Bfd(BfdCheck { name });
                Some(self.common(kind, &bfd.checker, outer, 0, second))
            }
            LaterDraft::File(file) => {
                let name = self.named_by(file.track_file.as_ref(), &file.checker, "track_file")?;
                let up = "the server counts as up without this check";
                if !self.refers(|names| &names.track_files, "track_file", name, up) {
                    return None;
                }
                let kind = LaterChecker::File(FileCheck {
                    track_file: name.value.clone(),
                    weight: file.weight,
                });
                Some(self.common(kind, &file.checker, outer, 0, second))
            }
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
