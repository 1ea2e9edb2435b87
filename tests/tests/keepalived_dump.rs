//! What keepalived 2.2.7 makes of a file, value by value, beside what we make of it: the 25 samples
//! of Debian's package and the tutorials.
//!
//! `keepalived -d` writes its configuration into its log when it starts. The part of VRRP is
//! compared here; that of the virtual servers is written only where the kernel has IPVS.

#[path = "keepalived_dump/dump.rs"]
mod dump;
#[path = "keepalived_dump/ours.rs"]
mod ours;
#[path = "keepalived_dump/run.rs"]
mod run;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Result, ensure};
use lb_agent::config::model::{Config, VrrpInstance};
use lb_agent::config::{Environment, FileSystem, load_in};
use lb_tests::configurations::files;
use lb_tests::{Namespace, Need, skipped};

use dump::{Block, Dump};

const NEEDS: [Need; 4] = [
    Need::Root,
    Need::Namespaces,
    Need::Program("ip"),
    Need::Program("keepalived"),
];

/// Where we differ on purpose: the file, what keepalived calls it, and why.
const DIFFERENT: &[(&str, &str, &str)] = &[
    (
        "keepalived.conf.SSL_GET",
        "Password",
        "the key of AH is not dumped",
    ),
    ("keepalived.conf.conditional_conf", "VI_0: Interface", VMAC),
    ("keepalived.conf.conditional_conf", "VI_0: Virtual IP", VMAC),
    ("004_07_L915.conf", "instances", BROKEN),
    ("004_07_L915.conf", "Router ID", BROKEN),
    ("004_07_L915.conf", "VI_1: Priority", BROKEN),
];

const VMAC: &str = "keepalived names the VMAC, we the interface that it is put on";

const BROKEN: &str = "blocks without their `}`: keepalived takes what follows for lines of the open \
                      block, we for the next block of the top level";

/// At least so many files are compared: keepalived refuses the others.
const COMPARED: usize = 30;

#[test]
fn every_value_is_the_one_that_keepalived_dumps() -> Result<()> {
    if skipped(&NEEDS) {
        return Ok(());
    }
    let scratch = tempfile::tempdir()?;
    let (mut compared, mut differences) = (0, Vec::new());
    for path in files()? {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let ours = load_in(&FileSystem, &path, &environment()).config;
        if ours.vrrp_instances.is_empty() {
            continue;
        }
        let readable = readable(&path, scratch.path())?;
        let machine = machine(&ours)?;
        let Some(theirs) = dump::of(&machine, &readable, scratch.path())? else {
            println!("{name}: keepalived does not run it");
            continue;
        };
        compared += 1;
        differences.extend(compare(&name, &theirs, &ours));
    }
    ensure!(differences.is_empty(), "{}", differences.join("\n"));
    ensure!(compared >= COMPARED, "only {compared} files are compared");
    Ok(())
}

fn environment() -> Environment {
    Environment {
        config_id: "nobody".to_owned(),
        ..Environment::default()
    }
}

/// The samples, and the tutorials as they are and as they were mended.
/// A copy that keepalived can read: for it a no-break space is a letter.
fn readable(path: &Path, scratch: &Path) -> Result<PathBuf> {
    let text = String::from_utf8_lossy(&fs::read(path)?)
        .replace(['\u{a0}', '\u{3000}'], " ")
        .replace('\r', "");
    let copy = scratch.join("keepalived.conf");
    fs::write(&copy, text)?;
    Ok(copy)
}

/// A machine with the interfaces that a configuration names.
fn machine(config: &Config) -> Result<Namespace> {
    let machine = Namespace::new("dump")?;
    let mut names: BTreeSet<&str> = BTreeSet::new();
    for instance in &config.vrrp_instances {
        names.insert(&instance.interface);
        let addresses = instance.virtual_ipaddress.iter();
        names.extend(
            addresses
                .chain(&instance.virtual_ipaddress_excluded)
                .map(|it| it.dev.as_str()),
        );
        names.extend(
            instance
                .track
                .track_interface
                .iter()
                .map(|it| it.name.as_str()),
        );
    }
    let statics = config.static_ipaddress.iter();
    names.extend(statics.map(|it| it.address.dev.as_str()));
    names.extend(["eth0", "eth1", "eth2"]);
    for (number, name) in names.iter().filter(|name| **name != "lo").enumerate() {
        machine.ip(&format!("link add {name} type veth peer name peer{number}"))?;
        machine.ip(&format!("link set {name} up"))?;
        machine.ip(&format!("link set peer{number} up"))?;
        machine.ip(&format!("address add 198.51.{number}.1/24 dev {name}"))?;
    }
    Ok(machine)
}

/// What differs.
fn compare(file: &str, theirs: &Dump, ours: &Config) -> Vec<String> {
    let mut differences = Vec::new();
    let mut differ = |place: &str, theirs: &str, ours: &str| {
        let known = DIFFERENT
            .iter()
            .any(|(sample, key, _)| file == *sample && place.ends_with(key));
        if theirs != ours && !known {
            differences.push(format!(
                "{file}: {place}: keepalived has {theirs:?}, we {ours:?}"
            ));
        }
    };
    let names = |names: &mut dyn Iterator<Item = &str>| names.collect::<Vec<_>>().join(" ");
    differ(
        "instances",
        &names(&mut theirs.instances.iter().map(|one| one.name.as_str())),
        &names(&mut ours.vrrp_instances.iter().map(|one| one.name.as_str())),
    );
    for (key, value) in ours::global(&ours.global_defs) {
        if let Some(theirs) = theirs.global.get(key) {
            differ(key, theirs, &value);
        }
    }
    for instance in &ours.vrrp_instances {
        let theirs = theirs
            .instances
            .iter()
            .find(|one| one.name == instance.name);
        if let Some(theirs) = theirs {
            compare_instance(theirs, instance, &mut differ);
        }
    }
    differences
}

fn compare_instance(theirs: &Block, ours: &VrrpInstance, differ: &mut dyn FnMut(&str, &str, &str)) {
    let place = |key: &str| format!("{}: {key}", theirs.name);
    for (key, value) in ours::instance(ours) {
        // What is off is not dumped.
        let found = theirs.values.get(key).map_or("", String::as_str);
        differ(&place(key), found, &value);
    }
    for (key, lines) in ours::lists(ours) {
        let found = theirs
            .lists
            .get(key)
            .map_or(&[] as &[String], Vec::as_slice);
        differ(&place(key), &found.join("; "), &lines.join("; "));
    }
}
