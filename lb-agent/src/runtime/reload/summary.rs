//! What a reload changes, for the log and for who asked. Pure.

use crate::config::Changes;
use crate::config::diff::{InstanceChange, ServiceChange};

/// One line for each instance that changes, one for all virtual servers; none: nothing differs.
pub fn summary(changes: &Changes) -> Vec<String> {
    let mut lines: Vec<String> = changes.vrrp_instances.iter().map(instance).collect();
    lines.extend(services(&changes.virtual_servers));
    if !changes.global_defs.is_empty() {
        let fields = changes.global_defs.join(", ");
        lines.push(format!("global_defs: {fields}"));
    }
    let lists = [
        ("vrrp_sync_group", changes.vrrp_sync_groups.is_empty()),
        ("vrrp_script", changes.vrrp_scripts.is_empty()),
        (
            "vrrp_track_process",
            changes.vrrp_track_processes.is_empty(),
        ),
        ("track_file", changes.track_files.is_empty()),
        ("bfd_instance", changes.bfd_instances.is_empty()),
        ("track_group", changes.track_groups.is_empty()),
        ("garp_group", changes.garp_groups.is_empty()),
        ("static_ipaddress", changes.static_ipaddress.is_empty()),
        ("static_routes", changes.static_routes.is_empty()),
        ("static_rules", changes.static_rules.is_empty()),
        (
            "virtual_server_group",
            changes.virtual_server_groups.is_empty(),
        ),
    ];
    let differing = lists.into_iter().filter(|(_, same)| !same);
    lines.extend(differing.map(|(name, _)| format!("{name}: changed")));
    if changes.environment {
        lines.push("what stands outside all blocks: changed".to_owned());
    }
    lines
}

fn instance(change: &InstanceChange) -> String {
    match change {
        InstanceChange::Removed(name) => format!("vrrp_instance {name}: removed"),
        InstanceChange::Changed { keywords, new } => {
            format!("vrrp_instance {}: {}", new.name, keywords.join(", "))
        }
        InstanceChange::Restarted { keywords, new } => {
            let keywords = keywords.join(", ");
            format!(
                "vrrp_instance {}: {keywords}; it is another virtual router now, and starts anew",
                new.name
            )
        }
        InstanceChange::Added(new) => format!("vrrp_instance {}: new", new.name),
    }
}

fn services<K>(changes: &[ServiceChange<K>]) -> Option<String> {
    let count = |wanted: fn(&ServiceChange<K>) -> bool| {
        let count = changes.iter().filter(|change| wanted(change)).count();
        (count > 0).then_some(count)
    };
    let counts = [
        (
            count(|change| matches!(change, ServiceChange::Added(_))),
            "new",
        ),
        (
            count(|change| matches!(change, ServiceChange::Changed { .. })),
            "changed",
        ),
        (
            count(|change| matches!(change, ServiceChange::Removed(_))),
            "removed",
        ),
    ];
    let parts: Vec<String> = counts
        .into_iter()
        .filter_map(|(count, what)| Some(format!("{} {what}", count?)))
        .collect();
    (!parts.is_empty()).then(|| format!("virtual servers: {}", parts.join(", ")))
}
