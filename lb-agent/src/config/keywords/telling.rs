//! Whom instances and sync groups tell.

use super::{COMMAND, Keyword, flag, line};
use crate::config::draft::HasNotify;
use crate::config::lower::telling as lower;

/// `notify_*` and `smtp_alert`.
pub(super) const fn notify<T: HasNotify>() -> [Keyword<T>; 7] {
    [
        line("notify_master", COMMAND, lower::notify_master).example("/bin/true"),
        line("notify_backup", COMMAND, lower::notify_backup).example("/bin/true"),
        line("notify_fault", COMMAND, lower::notify_fault).example("/bin/true"),
        line("notify_stop", COMMAND, lower::notify_stop).example("/bin/true"),
        line("notify", COMMAND, lower::notify).example("/bin/true"),
        flag("notify_priority_changes", |t: &mut T, v| {
            t.notify().notify_priority_changes = Some(v);
        })
        .default("`vrrp_notify_priority_changes`"),
        flag("smtp_alert", |t: &mut T, v| t.notify().smtp_alert = Some(v))
            .default("`smtp_alert_vrrp`, else `smtp_alert`, else off")
            .silent("off"),
    ]
}
