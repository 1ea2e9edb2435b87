//! Mail.

use std::time::Duration;

use serde::Serialize;

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
    /// `no_email_faults`: none for FAULT.
    pub no_email_faults: bool,
    /// `no_checker_emails`.
    pub no_checker_emails: bool,
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
            no_email_faults: false,
            no_checker_emails: false,
        }
    }
}
