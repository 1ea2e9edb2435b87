//! `keepalived.json`, versions 1 and 2.

use std::time::Duration;

use serde::{Serialize, Serializer};
use serde_json::{Number, Value};

use super::{View, address, quoted};
use crate::config::model::{Authentication, Command, Tracked, VrrpInstance};
use crate::vrrp::State;
use crate::vrrp::status::{InstanceStatus, Stats};

/// The file. Version 2 has an object where version 1 has the list of instances alone.
pub fn text(view: &View<'_>, version: u8) -> serde_json::Result<String> {
    let pairs = view.config.vrrp_instances.iter().zip(view.instances);
    let instances: Vec<Instance<'_>> = pairs
        .map(|(config, status)| Instance {
            data: data(view, config, status),
            stats: OfKeepalived(&status.stats),
        })
        .collect();
    if version < 2 {
        return serde_json::to_string(&instances);
    }
    let processes = view.config.vrrp_track_processes.iter();
    serde_json::to_string(&Version2 {
        vrrp: instances,
        track_process: processes.map(|it| it.name.as_str()).collect(),
    })
}

#[derive(Serialize)]
struct Version2<'a> {
    vrrp: Vec<Instance<'a>>,
    track_process: Vec<&'a str>,
}

#[derive(Serialize)]
struct Instance<'a> {
    data: Data<'a>,
    stats: OfKeepalived<'a>,
}

/// Those counters that keepalived has.
struct OfKeepalived<'a>(&'a Stats);

impl Serialize for OfKeepalived<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.of_keepalived())
    }
}

/// Numbers and booleans are mixed as keepalived has them.
#[derive(Serialize)]
#[expect(
    clippy::struct_excessive_bools,
    clippy::struct_field_names,
    reason = "the fields of keepalived's JSON"
)]
struct Data<'a> {
    iname: &'a str,
    dont_track_primary: u8,
    skip_check_adv_addr: u8,
    strict_mode: u8,
    vmac_ifname: &'a str,
    ifp_ifname: &'a str,
    master_priority: u8,
    last_transition: Value,
    garp_delay: u64,
    garp_refresh: u64,
    garp_rep: u32,
    garp_refresh_rep: u32,
    garp_lower_prio_delay: u64,
    garp_lower_prio_rep: u32,
    lower_prio_no_advert: u8,
    higher_prio_send_advert: u8,
    vrid: u8,
    base_priority: u8,
    effective_priority: u8,
    vipset: bool,
    promote_secondaries: bool,
    adver_int: Value,
    master_adver_int: Value,
    accept: u8,
    nopreempt: bool,
    preempt_delay: Value,
    state: u8,
    wantstate: u8,
    version: u8,
    smtp_alert: bool,
    notify_deleted: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    script_backup: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    script_master: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    script_fault: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    script_stop: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    script: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    vips: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    evips: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    vroutes: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    track_ifp: Vec<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    track_script: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    track_process: Vec<&'a str>,
    auth_type: u8,
    #[serde(skip_serializing_if = "Option::is_none")]
    auth_data: Option<&'static str>,
}

fn data<'a>(view: &'a View<'_>, config: &'a VrrpInstance, status: &'a InstanceStatus) -> Data<'a> {
    let flag = u8::from;
    let command = |given: &Option<Command>| given.as_ref().map(quoted);
    let lines = |addresses: &[crate::config::model::VirtualAddress]| -> Vec<String> {
        addresses
            .iter()
            .map(|it| address::line(it, status))
            .collect()
    };
    let notify = &config.notify;
    let garp = &config.garp;
    let state = number_of(status.state);
    Data {
        iname: &config.name,
        dont_track_primary: flag(config.dont_track_primary),
        skip_check_adv_addr: flag(config.skip_check_adv_addr),
        strict_mode: flag(config.strict_mode),
        vmac_ifname: if status.interface == config.interface {
            ""
        } else {
            &status.interface
        },
        ifp_ifname: &status.interface,
        // Of the other one: a MASTER has heard of none.
        master_priority: match status.state {
            State::Master => 0,
            State::Init | State::Backup | State::Fault => status.master_priority.unwrap_or(0),
        },
        last_transition: seconds(view.last_transition(status)),
        garp_delay: garp.master_delay.as_secs(),
        garp_refresh: garp.master_refresh.as_secs(),
        garp_rep: garp.master_repeat,
        garp_refresh_rep: garp.master_refresh_repeat,
        garp_lower_prio_delay: garp.lower_prio_delay.as_secs(),
        garp_lower_prio_rep: garp.lower_prio_repeat,
        lower_prio_no_advert: flag(config.lower_prio_no_advert),
        higher_prio_send_advert: flag(config.higher_prio_send_advert),
        vrid: status.virtual_router_id,
        base_priority: status.priority,
        effective_priority: status.effective_priority,
        vipset: status.state == State::Master,
        promote_secondaries: config.promote_secondaries,
        adver_int: seconds(status.advert_int),
        master_adver_int: seconds(status.master_adver_int),
        accept: flag(config.accept),
        nopreempt: config.nopreempt,
        preempt_delay: seconds(config.preempt_delay),
        state,
        wantstate: state,
        version: status.version,
        smtp_alert: notify.smtp_alert,
        notify_deleted: notify.notify_deleted,
        script_backup: command(&notify.notify_backup),
        script_master: command(&notify.notify_master),
        script_fault: command(&notify.notify_fault),
        script_stop: command(&notify.notify_stop),
        script: command(&notify.notify),
        vips: lines(&config.virtual_ipaddress),
        evips: lines(&config.virtual_ipaddress_excluded),
        vroutes: config.virtual_routes.iter().map(address::route).collect(),
        track_ifp: tracked_interfaces(config),
        track_script: tracked_scripts(view, config),
        track_process: names(&config.track.track_process),
        auth_type: match config.authentication {
            None => 0,
            Some(Authentication::Pass(_)) => 1,
            Some(Authentication::Ah(_)) => 2,
        },
        auth_data: config.authentication.as_ref().map(|_| "********"),
    }
}

fn names(tracked: &[Tracked]) -> Vec<&str> {
    tracked.iter().map(|it| it.name.as_str()).collect()
}

/// Its own interface is not among what it tracks besides.
fn tracked_interfaces(config: &VrrpInstance) -> Vec<&str> {
    let names = names(&config.track.track_interface).into_iter();
    names.filter(|name| *name != config.interface).collect()
}

/// keepalived has the commands here, not the names.
fn tracked_scripts(view: &View<'_>, config: &VrrpInstance) -> Vec<String> {
    let scripts = &view.config.vrrp_scripts;
    let names = names(&config.track.track_script).into_iter();
    let found = names.filter_map(|name| scripts.iter().find(|script| script.name == name));
    found.map(|script| quoted(&script.script)).collect()
}

const fn number_of(state: State) -> u8 {
    match state {
        State::Init => 0,
        State::Backup => 1,
        State::Master => 2,
        State::Fault => 3,
    }
}

/// A whole number where it is one.
fn seconds(time: Duration) -> Value {
    if time.subsec_micros() == 0 {
        return time.as_secs().into();
    }
    // keepalived counts microseconds.
    let time = Duration::new(time.as_secs(), time.subsec_micros() * 1000);
    Number::from_f64(time.as_secs_f64()).map_or(Value::Null, Value::Number)
}
