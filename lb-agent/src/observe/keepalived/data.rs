//! `keepalived.data`.

mod instance;

use std::fmt::{self, Display, Write as _};
use std::time::Duration;

use self::instance::instance;
use super::{View, quoted, word};
use crate::config::model::{Notify, VrrpScript, VrrpSyncGroup};
use crate::vrrp::State;
use crate::vrrp::settings::Kind;
use crate::vrrp::status::InstanceStatus;

/// The file.
pub fn text(view: &View<'_>) -> String {
    let mut text = String::new();
    let _infallible = write(&mut text, view);
    text
}

fn write(out: &mut String, view: &View<'_>) -> fmt::Result {
    title(out, "Global definitions")?;
    global(out, view)?;
    title(out, "VRRP Topology")?;
    for (config, status) in view.config.vrrp_instances.iter().zip(view.instances) {
        instance(out, view, config, status)?;
    }
    if !view.config.vrrp_sync_groups.is_empty() {
        title(out, "VRRP Sync groups")?;
    }
    for group in &view.config.vrrp_sync_groups {
        sync_group(out, view, group)?;
    }
    let scripts = &view.config.vrrp_scripts;
    let tracked = |script: &&VrrpScript| followers(view, Kind::Script, &script.name).count() > 0;
    let mut scripts = scripts.iter().filter(tracked).peekable();
    if scripts.peek().is_some() {
        title(out, "VRRP Scripts")?;
    }
    for it in scripts {
        script(out, view, it)?;
    }
    Ok(())
}

fn title(out: &mut String, title: &str) -> fmt::Result {
    writeln!(out, "------< {title} >------")
}

/// A line of a block.
fn line(out: &mut String, label: &str, value: impl Display) -> fmt::Result {
    writeln!(out, "   {label} = {value}")
}

fn global(out: &mut String, view: &View<'_>) -> fmt::Result {
    let global = &view.config.global_defs;
    if let Some(router_id) = &global.router_id {
        writeln!(out, " Router ID = {router_id}")?;
    }
    let mail = &global.mail;
    if let Some((server, port)) = &mail.smtp_server {
        writeln!(out, " Smtp server = {server}")?;
        writeln!(out, " Smtp server port = {port}")?;
    }
    writeln!(out, " VRRP IPv4 mcast group = {}", global.vrrp_mcast_group4)?;
    writeln!(out, " VRRP IPv6 mcast group = {}", global.vrrp_mcast_group6)?;
    writeln!(out, " umask = {:04o}", global.process.umask)
}

/// `1 sec`, `500 milli-sec`
fn interval(time: Duration) -> String {
    if time.subsec_nanos() == 0 {
        format!("{} sec", time.as_secs())
    } else {
        format!("{} milli-sec", time.as_millis())
    }
}

fn telling(out: &mut String, notify: &Notify) -> fmt::Result {
    let yes = |on| if on { "yes" } else { "no" };
    line(out, "Using smtp notification", yes(notify.smtp_alert))?;
    let commands = [
        ("Backup", &notify.notify_backup),
        ("Master", &notify.notify_master),
        ("Fault", &notify.notify_fault),
        ("Stop", &notify.notify_stop),
        ("Generic", &notify.notify),
    ];
    for (state, command) in commands {
        if let Some(command) = command {
            let command = quoted(command);
            line(out, &format!("{state} state transition script"), command)?;
        }
    }
    Ok(())
}

fn sync_group(out: &mut String, view: &View<'_>, group: &VrrpSyncGroup) -> fmt::Result {
    let members = view
        .instances
        .iter()
        .filter(|it| group.group.contains(&it.name));
    // Its members are of one state, but for a moment.
    let state = members.map(|it| it.state).next().unwrap_or(State::Init);
    writeln!(out, " VRRP Sync Group = {}, {}", group.name, word(state))?;
    writeln!(out, "   VRRP member instances :")?;
    for member in &group.group {
        writeln!(out, "     {member}")?;
    }
    telling(out, &group.notify)
}

/// The instances that track something, and how.
fn followers<'a>(
    view: &'a View<'_>,
    kind: Kind,
    name: &'a str,
) -> impl Iterator<Item = (&'a InstanceStatus, i16, Option<bool>)> {
    view.instances.iter().filter_map(move |instance| {
        let mut tracked = instance.tracked.iter();
        let tracked = tracked.find(|it| it.kind == kind && it.name == name)?;
        Some((instance, tracked.weight, tracked.up))
    })
}

fn script(out: &mut String, view: &View<'_>, script: &VrrpScript) -> fmt::Result {
    writeln!(out, " VRRP Script = {}", script.name)?;
    line(out, "Command", quoted(&script.script))?;
    line(out, "Interval", interval(script.interval))?;
    line(out, "Timeout", interval(script.timeout))?;
    line(out, "Weight", script.weight.weight)?;
    line(out, "Rise", script.rise)?;
    line(out, "Fall", script.fall)?;
    let up = followers(view, Kind::Script, &script.name).find_map(|(_, _, up)| up);
    let status = match up {
        None => "INIT",
        Some(true) => "GOOD",
        Some(false) => "BAD",
    };
    line(out, "Status", status)?;
    writeln!(out, "   Tracking instances :")?;
    for (instance, weight, _) in followers(view, Kind::Script, &script.name) {
        writeln!(out, "     {}, weight {weight}", instance.name)?;
    }
    Ok(())
}
