//! Whom instances and sync groups tell.

use super::{COMMAND, Keyword, flag, line};
use crate::config::draft::HasNotify;
use crate::config::lower::telling as lower;

const NOT_RUN: &str = "no script is run";

/// `notify_*` and `smtp_alert`.
pub(super) const fn notify<T: HasNotify>() -> [Keyword<T>; 7] {
    [
        line("notify_master", COMMAND, lower::notify_master)
            .example("/bin/true")
            .later(NOT_RUN),
        line("notify_backup", COMMAND, lower::notify_backup)
            .example("/bin/true")
            .later(NOT_RUN),
        line("notify_fault", COMMAND, lower::notify_fault)
            .example("/bin/true")
            .later(NOT_RUN),
        line("notify_stop", COMMAND, lower::notify_stop)
            .example("/bin/true")
            .later(NOT_RUN),
        line("notify", COMMAND, lower::notify)
            .example("/bin/true")
            .later(NOT_RUN),
        flag("notify_priority_changes", |t: &mut T, v| {
            t.notify().notify_priority_changes = Some(v);
        })
        .default("`vrrp_notify_priority_changes`")
        .later("nothing is written to a FIFO"),
        flag("smtp_alert", |t: &mut T, v| t.notify().smtp_alert = Some(v))
            .default("`smtp_alert_vrrp`, else `smtp_alert`, else off")
            .silent("off")
            .later("no mail is sent"),
    ]
}
