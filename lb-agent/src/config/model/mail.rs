//! Mail.

use std::path::PathBuf;
use std::time::Duration;

use serde::Serialize;

use super::Secret;

/// The mail settings of `global_defs`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Mail {
    /// `notification_email`: to whom.
    pub notification_email: Vec<String>,
    /// `notification_email_from`; default: `user@host`.
    pub notification_email_from: Option<String>,
    /// `smtp_server HOST [PORT]`, port 25.
    pub smtp_server: Option<(String, u16)>,
    /// `smtp_connect_timeout`, at least a second.
    pub smtp_connect_timeout: Duration,
    /// `smtp_helo_name`; default: the host's name.
    pub smtp_helo_name: Option<String>,
    /// `smtp_alert`: default of the two below; `None`: VRRP no, virtual servers no, real servers
    /// yes.
    pub smtp_alert: Option<bool>,
    /// `smtp_alert_vrrp`.
    pub smtp_alert_vrrp: Option<bool>,
    /// `smtp_alert_checker`.
    pub smtp_alert_checker: Option<bool>,
    /// `xdp_smtp_tls`: whether the connection is secured before anything is said.
    pub xdp_smtp_tls: SmtpTls,
    /// `xdp_smtp_ca`: who vouches for the server; default: whom the system trusts.
    pub xdp_smtp_ca: Option<PathBuf>,
    /// `xdp_smtp_user`: the name for AUTH.
    pub xdp_smtp_user: Option<String>,
    /// `xdp_smtp_password`: and the password.
    pub xdp_smtp_password: Option<Secret>,
    /// `no_email_faults`: none for FAULT.
    pub no_email_faults: bool,
    /// `no_checker_emails`.
    pub no_checker_emails: bool,
}

/// `xdp_smtp_tls off|starttls`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub enum SmtpTls {
    /// Mails cross the network in the clear, as with keepalived.
    #[default]
    Off,
    /// STARTTLS (RFC 3207), or no mail: the server has to offer it and to prove its name.
    Starttls,
}

impl Default for Mail {
    fn default() -> Self {
        Self {
            notification_email: Vec::new(),
            notification_email_from: None,
            smtp_server: None,
            smtp_connect_timeout: Duration::from_secs(30),
            smtp_helo_name: None,
            smtp_alert: None,
            smtp_alert_vrrp: None,
            smtp_alert_checker: None,
            xdp_smtp_tls: SmtpTls::Off,
            xdp_smtp_ca: None,
            xdp_smtp_user: None,
            xdp_smtp_password: None,
            no_email_faults: false,
            no_checker_emails: false,
        }
    }
}
