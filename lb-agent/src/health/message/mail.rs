//! What the mail about a checker says, in keepalived's sentences.

use crate::health::probe::Failure;
use crate::health::spec::Kind;

/// The checker finds its server up, or down for this reason.
#[must_use]
pub fn sentence(kind: &Kind, failure: Option<&Failure>) -> String {
    let plain = |check: &str| match failure {
        None => format!("{check} succeed on service"),
        Some(_) => format!("{check} failed on service"),
    };
    match kind {
        Kind::Tcp | Kind::ViaTunnel(_) => plain("TCP CHECK"),
        Kind::Udp(_) => plain("UDP CHECK"),
        Kind::Ping => plain("ICMP CHECK"),
        Kind::File(_) => plain("FILE CHECK"),
        Kind::Bfd(bfd) => {
            let end = failure.map_or("succeeded", |_| "failed");
            format!("BFD CHECK {} {end} on service", bfd.name)
        }
        Kind::Http(_) | Kind::Ssl(_) => match failure {
            None => plain("CHECK"),
            Some(_) => "CHECK failed on service : HTTP request failed".to_owned(),
        },
        Kind::Smtp(_) => match failure {
            None => plain("CHECK"),
            Some(failure) => format!("CHECK failed on service : {}", super::smtp_failure(failure)),
        },
        Kind::Misc(_) => {
            let end = failure.map_or("succeeded", super::script_end);
            format!("MISC CHECK {end} on service")
        }
        Kind::Dns(_) => plain("DNS_CHECK:"),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::health::spec::{BfdCheck, DnsCheck, MiscCheck, SmtpCheck, UdpCheck};
    use crate::health::testing::http;

    /// Each stands in the program of keepalived 2.2.7 (`strings keepalived | grep '^=> '`, without the
    /// arrows; `%s` is filled).
    #[test]
    fn each_kind_has_keepalived_s_sentence() {
        let refused = Failure::Connect("Connection refused (os error 111)".to_owned());
        let bfd = Kind::Bfd(BfdCheck {
            name: "b".to_owned(),
        });
        let misc = Kind::Misc(MiscCheck {
            misc_path: "/bin/true".to_owned(),
            script: None,
            uid: 0,
            gid: 0,
            misc_timeout: Duration::from_secs(3),
            misc_dynamic: false,
        });
        for (kind, up, down) in [
            (
                Kind::Tcp,
                "TCP CHECK succeed on service",
                "TCP CHECK failed on service",
            ),
            (
                http(&["/"]),
                "CHECK succeed on service",
                "CHECK failed on service : HTTP request failed",
            ),
            (
                Kind::Smtp(SmtpCheck::default()),
                "CHECK succeed on service",
                "CHECK failed on service : Could not connect to server",
            ),
            (
                Kind::Dns(DnsCheck::default()),
                "DNS_CHECK: succeed on service",
                "DNS_CHECK: failed on service",
            ),
            (
                Kind::Udp(UdpCheck::default()),
                "UDP CHECK succeed on service",
                "UDP CHECK failed on service",
            ),
            (
                Kind::Ping,
                "ICMP CHECK succeed on service",
                "ICMP CHECK failed on service",
            ),
            (
                misc,
                "MISC CHECK succeeded on service",
                "MISC CHECK failed on service",
            ),
            (
                bfd,
                "BFD CHECK b succeeded on service",
                "BFD CHECK b failed on service",
            ),
        ] {
            assert_eq!(sentence(&kind, None), up);
            assert_eq!(sentence(&kind, Some(&refused)), down);
        }
    }
}
