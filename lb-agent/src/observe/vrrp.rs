//! VRRP instances, with the labels of keepalived's `keepalived.data` and `keepalived.stats`.

use std::io::{self, Write};
use std::time::Duration;

use super::model::{InstanceStats, InstanceView};

/// Writes one block for each instance, an empty line between them.
pub fn write(out: &mut dyn Write, instances: &[InstanceView]) -> io::Result<()> {
    for (place, instance) in instances.iter().enumerate() {
        if place > 0 {
            writeln!(out)?;
        }
        write_instance(out, instance)?;
        write_stats(out, &instance.stats)?;
    }
    Ok(())
}

fn write_instance(out: &mut dyn Write, instance: &InstanceView) -> io::Result<()> {
    writeln!(out, " VRRP Instance = {}", instance.name)?;
    writeln!(out, "   VRRP Version = {}", instance.version)?;
    writeln!(out, "   State = {}", instance.state)?;
    writeln!(
        out,
        "   In this state for = {}",
        duration(instance.in_state)
    )?;
    writeln!(out, "   Master router = {}", master(instance))?;
    writeln!(out, "   Interface = {}", instance.interface)?;
    writeln!(out, "   Virtual Router ID = {}", instance.virtual_router_id)?;
    writeln!(out, "   Priority = {}", instance.priority)?;
    writeln!(
        out,
        "   Effective priority = {}",
        instance.effective_priority
    )?;
    let interval = instance.advert_interval.as_secs_f64();
    writeln!(out, "   Advert interval = {interval} sec")?;
    writeln!(out, "   Virtual IP ({}):", instance.virtual_ipaddress.len())?;
    for address in &instance.virtual_ipaddress {
        writeln!(out, "     {address}")?;
    }
    Ok(())
}

fn master(instance: &InstanceView) -> String {
    match (instance.master, instance.master_priority) {
        (Some(address), Some(priority)) => format!("{address}, priority {priority}"),
        (Some(address), None) => address.to_string(),
        (None, _) => "not known".into(),
    }
}

fn write_stats(out: &mut dyn Write, stats: &InstanceStats) -> io::Result<()> {
    let blocks: [(&str, &[(&str, u64)]); 4] = [
        (
            "Advertisements",
            &[("Received", stats.advert_rcvd), ("Sent", stats.advert_sent)],
        ),
        (
            "Packet Errors",
            &[
                ("Length", stats.packet_len_err),
                ("TTL", stats.ip_ttl_err),
                ("Invalid Type", stats.invalid_type_rcvd),
                ("Advertisement Interval", stats.advert_interval_err),
                ("Address List", stats.addr_list_err),
            ],
        ),
        (
            "Authentication Errors",
            &[
                ("Invalid Type", stats.invalid_authtype),
                ("Type Mismatch", stats.authtype_mismatch),
                ("Failure", stats.auth_failure),
            ],
        ),
        (
            "Priority Zero",
            &[
                ("Received", stats.pri_zero_rcvd),
                ("Sent", stats.pri_zero_sent),
            ],
        ),
    ];
    writeln!(out, "   Became master: {}", stats.become_master)?;
    writeln!(out, "   Released master: {}", stats.release_master)?;
    for (title, figures) in blocks {
        writeln!(out, "   {title}:")?;
        for (label, value) in figures {
            writeln!(out, "     {label}: {value}")?;
        }
    }
    Ok(())
}

/// `3d 04:05:06`, or without the days.
fn duration(value: Duration) -> String {
    let seconds = value.as_secs();
    let (days, rest) = (seconds / 86_400, seconds % 86_400);
    let (hours, minutes, seconds) = (rest / 3600, rest / 60 % 60, rest % 60);
    match days {
        0 => format!("{hours:02}:{minutes:02}:{seconds:02}"),
        days => format!("{days}d {hours:02}:{minutes:02}:{seconds:02}"),
    }
}

#[cfg(test)]
mod tests;
