//! VRRP instances, with the labels of keepalived's `keepalived.data` and `keepalived.stats`.

use std::io::{self, Write};
use std::time::Duration;

use super::model::{InstanceView, TrackedView};
use crate::vrrp::status::{StaticStats, Stats};

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
    write_reasons(out, instance)
}

/// Why the state and the priority are what they are. keepalived has no such lines; a block that
/// has nothing to say is left out.
fn write_reasons(out: &mut dyn Write, instance: &InstanceView) -> io::Result<()> {
    if let Some(group) = &instance.sync_group {
        writeln!(out, "   Sync group = {group}")?;
    }
    if let Some(rival) = instance.split_brain {
        let address = rival.address;
        let does = if rival.advertises {
            format!("{address} advertises as MASTER beside us")
        } else {
            let mac = rival.mac.map(|mac| mac.to_string());
            let who = mac.unwrap_or_else(|| "another host".into());
            format!("{who} answers for {address} beside us")
        };
        writeln!(out, "   SPLIT BRAIN = {does}")?;
    }
    let faults = instance.faults.iter().map(|fault| fault.text.clone());
    write_list(out, "Faults", faults.collect())?;
    write_list(
        out,
        "Tracked",
        instance.tracked.iter().map(tracked).collect(),
    )?;
    let peers = instance.peers.iter().map(|peer| {
        let (address, priority, ago) = (peer.address, peer.priority, peer.heard.as_secs_f64());
        format!("{address}, priority {priority}, heard {ago:.1} s ago")
    });
    write_list(out, "Other routers", peers.collect())
}

fn write_list(out: &mut dyn Write, title: &str, lines: Vec<String>) -> io::Result<()> {
    if lines.is_empty() {
        return Ok(());
    }
    writeln!(out, "   {title} ({}):", lines.len())?;
    for line in lines {
        writeln!(out, "     {line}")?;
    }
    Ok(())
}

/// `script chk = down, weight -30: -30`
fn tracked(tracked: &TrackedView) -> String {
    let TrackedView {
        kind,
        name,
        weight,
        adjustment,
        ..
    } = tracked;
    let state = match (tracked.value, tracked.up) {
        (Some(value), _) => value.to_string(),
        (None, Some(true)) => "up".into(),
        (None, Some(false)) => "down".into(),
        (None, None) => "not known yet".into(),
    };
    let reverse = if tracked.reverse { " reverse" } else { "" };
    let effect = if tracked.fault {
        "FAULT".into()
    } else {
        format!("{adjustment:+}")
    };
    format!("{kind} {name} = {state}, weight {weight}{reverse}: {effect}")
}

fn master(instance: &InstanceView) -> String {
    match (instance.master, instance.master_priority) {
        (Some(address), Some(priority)) => format!("{address}, priority {priority}"),
        (Some(address), None) => address.to_string(),
        (None, _) => "not known".into(),
    }
}

fn write_stats(out: &mut dyn Write, stats: &Stats) -> io::Result<()> {
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
    write_own_stats(out, stats)
}

/// What keepalived does not count.
fn write_own_stats(out: &mut dyn Write, stats: &Stats) -> io::Result<()> {
    writeln!(out, "   Put back:")?;
    writeln!(out, "     Addresses: {}", stats.address_restored)?;
    writeln!(out, "     Routes and rules: {}", stats.routing_restored)?;
    writeln!(out, "     Packet filters: {}", stats.filter_restored)?;
    writeln!(out, "     VMACs: {}", stats.vmac_restored)?;
    writeln!(out, "   Split brain: {}", stats.split_brain)?;
    writeln!(out, "   Late adverts: {}", stats.advert_late)?;
    let latest = Duration::from_micros(stats.advert_late_max).as_secs_f64() * 1000.0;
    writeln!(out, "     Latest: {latest:.3} ms")
}

/// What belongs to no instance.
pub fn write_statics(out: &mut dyn Write, statics: StaticStats) -> io::Result<()> {
    writeln!(out, " Static addresses, routes and rules put back:")?;
    writeln!(out, "   Addresses: {}", statics.address_restored)?;
    writeln!(out, "   Routes and rules: {}", statics.routing_restored)
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
