//! Mail settings that do not go together.

use super::Resolver;
use crate::config::diagnostic::Code;
use crate::config::model::{Mail, SmtpTls};

impl Resolver<'_> {
    /// Says what of `mail` has no effect, or gives away what it should not.
    pub(super) fn mail(&mut self, mail: &Mail) {
        let (user, password) = (&mail.xdp_smtp_user, &mail.xdp_smtp_password);
        let in_the_clear = mail.xdp_smtp_tls == SmtpTls::Off;
        match (user, password) {
            (Some(_), None) => self.mail_remark(
                "xdp_smtp_user",
                "`xdp_smtp_user` without `xdp_smtp_password`: mails are sent without AUTH",
            ),
            (None, Some(_)) => self.mail_remark(
                "xdp_smtp_password",
                "`xdp_smtp_password` without `xdp_smtp_user`: mails are sent without AUTH",
            ),
            (Some(_), Some(_)) if in_the_clear => self.mail_remark(
                "xdp_smtp_user",
                "name and password go to the mail server in the clear: `xdp_smtp_tls starttls` \
                 hides them",
            ),
            (Some(_), Some(_)) | (None, None) => {}
        }
        if mail.xdp_smtp_ca.is_some() && in_the_clear {
            self.mail_remark(
                "xdp_smtp_ca",
                "`xdp_smtp_ca` without `xdp_smtp_tls starttls`: no certificate is asked for",
            );
        }
        if mail.smtp_server.is_none() {
            for keyword in ["xdp_smtp_tls", "xdp_smtp_user"] {
                let message = format!("`{keyword}` without `smtp_server`: no mail is sent");
                self.mail_remark(keyword, &message);
            }
        }
    }

    /// Of a keyword that is given; of others there is nothing to say.
    fn mail_remark(&mut self, keyword: &str, message: &str) {
        if let Some(span) = self.global.given.span(keyword) {
            self.warning(Code::Surprising, span, message);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use crate::config::source::Memory;
    use crate::config::{Severity, load};

    /// What is said of these lines of `global_defs`, by line.
    fn said(lines: &str) -> Vec<String> {
        let text = format!("global_defs {{\n{lines}\n}}\n");
        let loaded = load(&Memory::default().with("/main", &*text), Path::new("/main"));
        let said = loaded.diagnostics.iter().map(|one| {
            assert_eq!(one.severity, Severity::Warning);
            let start = one.span.expect("it has a place").start;
            let before = text.bytes().take(usize::try_from(start).unwrap());
            let line = before.filter(|byte| *byte == b'\n').count() + 1;
            format!("{line} {}", one.message)
        });
        said.collect()
    }

    #[test]
    fn mail_settings_that_do_not_go_together_are_said_at_their_lines() {
        let sends = "smtp_server 192.0.2.1\nnotification_email {\na@example.org\n}\n";
        for (lines, expected) in [
            (
                "xdp_smtp_user me\nxdp_smtp_password x\nxdp_smtp_tls starttls",
                "",
            ),
            ("xdp_smtp_tls starttls\nxdp_smtp_ca /etc/ca.pem", ""),
            ("xdp_smtp_tls off", ""),
            (
                "xdp_smtp_user me",
                "6 `xdp_smtp_user` without `xdp_smtp_password`: mails are sent without AUTH",
            ),
            (
                "xdp_smtp_password x",
                "6 `xdp_smtp_password` without `xdp_smtp_user`: mails are sent without AUTH",
            ),
            (
                "xdp_smtp_password x\nxdp_smtp_user me",
                "7 name and password go to the mail server in the clear: `xdp_smtp_tls starttls` \
                 hides them",
            ),
            (
                "xdp_smtp_ca /etc/ca.pem",
                "6 `xdp_smtp_ca` without `xdp_smtp_tls starttls`: no certificate is asked for",
            ),
        ] {
            let expected: Vec<&str> = Some(expected)
                .filter(|it| !it.is_empty())
                .into_iter()
                .collect();
            assert_eq!(said(&format!("{sends}{lines}")), expected, "{lines}");
        }
        assert_eq!(
            said("xdp_smtp_tls starttls"),
            ["2 `xdp_smtp_tls` without `smtp_server`: no mail is sent"]
        );
    }
}
