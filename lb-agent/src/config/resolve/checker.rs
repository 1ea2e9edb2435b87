//! Checkers: what each kind has for itself, and its defaults.

use std::time::Duration;

use super::Resolver;
use super::server::{DELAY_LOOP, Outer};
use crate::config::diagnostic::Code;
use crate::config::draft::{
    BfdCheckDraft, CheckDraft, CheckerDraft, DnsCheckDraft, FileCheckDraft, MiscCheckDraft,
    SmtpCheckDraft,
};
use crate::config::model::{
    BfdCheck, Checker, CheckerKind, FileCheck, MiscCheck, SmtpCheck, SslGet,
};
use crate::config::text::Spanned;

/// Default of `delay_before_retry`.
const DELAY_BEFORE_RETRY: Duration = Duration::from_secs(1);

/// The same for `HTTP_GET` and `SSL_GET`.
const WEB_DELAY: Duration = Duration::from_secs(3);

/// What follows when the one who should tell is not there.
const UP: &str = "the server counts as up without this check";

impl Resolver<'_> {
    /// A checker; `None` when it checks nothing.
    pub(super) fn checker(&mut self, draft: &CheckDraft, outer: &Outer<'_>) -> Option<Checker> {
        match draft {
            CheckDraft::Tcp(tcp) => {
                let kind = self.tcp_check(tcp, outer);
                Some(self.common(kind, tcp, outer, 1, DELAY_BEFORE_RETRY))
            }
            CheckDraft::Http(http) => {
                let kind = CheckerKind::Http(self.http_get(http, outer.virtualhost)?);
                Some(self.common(kind, http, outer, 1, WEB_DELAY))
            }
            CheckDraft::Ssl(ssl) => {
                let kind = CheckerKind::Ssl(SslGet {
                    get: self.http_get(&ssl.checker, outer.virtualhost)?,
                    enable_sni: ssl.enable_sni,
                    sni_name: ssl.sni_name.as_ref().map(|name| name.value.clone()),
                });
                Some(self.common(kind, &ssl.checker, outer, 1, WEB_DELAY))
            }
            CheckDraft::Smtp(smtp) => {
                let kind = CheckerKind::Smtp(self.smtp(smtp, outer));
                Some(self.common(kind, &smtp.checker, outer, 1, DELAY_BEFORE_RETRY))
            }
            CheckDraft::Misc(misc) => self.misc(misc, outer),
            CheckDraft::Dns(dns) => Some(self.dns(dns, outer)),
            CheckDraft::Udp(udp) => {
                let kind = CheckerKind::Udp(udp.value.clone());
                Some(self.common(kind, &udp.checker, outer, 1, DELAY_BEFORE_RETRY))
            }
            CheckDraft::Ping(checker) => {
                Some(self.common(CheckerKind::Ping, checker, outer, 1, DELAY_BEFORE_RETRY))
            }
            CheckDraft::Bfd(bfd) => self.bfd(bfd, outer),
            CheckDraft::File(file) => self.file(file, outer),
        }
    }

    fn misc(&mut self, draft: &MiscCheckDraft, outer: &Outer<'_>) -> Option<Checker> {
        if draft.value.misc_path.command.is_empty() {
            return self.without_setting(&draft.checker, "misc_path");
        }
        let settings = draft.checker.checks.within(outer.settings);
        let timeout = draft.misc_timeout.or(settings.delay_loop);
        let kind = CheckerKind::Misc(MiscCheck {
            misc_timeout: timeout.map_or(DELAY_LOOP, |given| given.value),
            ..draft.value.clone()
        });
        Some(self.common(kind, &draft.checker, outer, 0, DELAY_BEFORE_RETRY))
    }

    /// A name server is asked again after `delay_loop`, if nothing else is said.
    fn dns(&mut self, draft: &DnsCheckDraft, outer: &Outer<'_>) -> Checker {
        let kind = CheckerKind::Dns(draft.value.clone());
        let checker = self.common(kind, &draft.checker, outer, 3, DELAY_BEFORE_RETRY);
        let settings = draft.checker.checks.within(outer.settings);
        let delay = settings.delay_before_retry;
        Checker {
            delay_before_retry: delay.map_or(checker.delay_loop, |given| given.value),
            ..checker
        }
    }

    fn bfd(&mut self, draft: &BfdCheckDraft, outer: &Outer<'_>) -> Option<Checker> {
        let name = self.named_by(draft.name.as_ref(), &draft.checker, "name")?;
        if !self.refers(|names| &names.bfd_instances, "bfd_instance", name, UP) {
            return None;
        }
        let name = name.value.clone();
        let kind = CheckerKind::Bfd(BfdCheck { name });
        Some(self.common(kind, &draft.checker, outer, 0, DELAY_BEFORE_RETRY))
    }

    fn file(&mut self, draft: &FileCheckDraft, outer: &Outer<'_>) -> Option<Checker> {
        let name = self.named_by(draft.track_file.as_ref(), &draft.checker, "track_file")?;
        if !self.refers(|names| &names.track_files, "track_file", name, UP) {
            return None;
        }
        let kind = CheckerKind::File(FileCheck {
            track_file: name.value.clone(),
            weight: draft.weight,
        });
        Some(self.common(kind, &draft.checker, outer, 0, DELAY_BEFORE_RETRY))
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
        let settings = draft.checker.checks.within(outer.settings);
        let inner = Outer {
            settings: &settings,
            ..*outer
        };
        let hosts = draft.hosts.iter();
        let hosts = hosts.map(|host| self.common((), host, &inner, 1, DELAY_BEFORE_RETRY));
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
            "`{}` without `{setting}`: {UP}",
            checker.name.value.keyword()
        );
        self.warning(Code::MissingSetting, checker.name.span, message);
        None
    }
}
