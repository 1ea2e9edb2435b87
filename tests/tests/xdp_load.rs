//! The program and its maps in the kernel: loaded, adopted by the next agent, gone after a stop.

use std::net::Ipv4Addr;
use std::time::Duration;

use anyhow::Result;
use lb_agent::config::model::{Forwarding, Scheduler};
use lb_agent::dataplane::desired::{Desired, Path, Server, Service};
use lb_agent::dataplane::xdp::maps::Maps;
use lb_agent::dataplane::xdp::pins::Pins;
use lb_agent::runtime::plane::Plane;
use lb_common::control::GATE_ALWAYS;
use lb_common::service::{ServiceKey4, TCP};
use lb_tests::{Need, skipped};

const NEEDS: [Need; 2] = [Need::Root, Need::Bpf];

/// Pins of a name that no other test run has, removed whatever happens.
struct Scratch(String);

impl Scratch {
    fn new(name: &str) -> Self {
        Self(format!("lbt-{}-{name}", std::process::id()))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // A test that has come this far has its own verdict already.
        let _removed = Pins::of(&self.0).remove();
    }
}

fn desired(port: u16) -> Desired {
    let server = Server {
        address: Ipv4Addr::new(10, 0, 0, 5),
        port,
        method: Forwarding::Dr,
        weight: 3,
        sorry: false,
        path: Path::Unknown,
    };
    Desired {
        services: vec![Service {
            key: ServiceKey4::new(Ipv4Addr::new(10, 0, 0, 100), port, TCP),
            scheduler: Scheduler::Wrr,
            persistence: None,
            gate: GATE_ALWAYS,
            servers: vec![server],
        }],
    }
}

fn ports(pins: &Pins) -> Result<Vec<u16>> {
    let services = Maps::open(pins)?.services()?;
    Ok(services.iter().map(|(_, info)| info.key.port()).collect())
}

#[test]
fn the_next_agent_adopts_services_slots_and_the_secret_of_the_hashes() -> Result<()> {
    if skipped(&NEEDS) {
        return Ok(());
    }
    let scratch = Scratch::new("adopt");
    let pins = Pins::of(&scratch.0);
    let mut plane = Plane::load(&scratch.0, Duration::from_mins(1))?;
    plane.apply(&desired(80))?;
    let secret = Maps::open(&pins)?.read_control().secret;
    // As after `kill -9`: nobody cleans up.
    drop(plane);
    assert_eq!(ports(&pins)?, [80]);

    let mut plane = Plane::load(&scratch.0, Duration::from_mins(1))?;
    assert_eq!(ports(&pins)?, [80]);
    assert_eq!(Maps::open(&pins)?.read_control().secret, secret);
    plane.apply(&desired(8080))?;
    assert_eq!(ports(&pins)?, [8080]);
    let slots = Maps::open(&pins)?.backends().count();
    assert_eq!(slots, 1, "the slot of the service that went is free again");
    plane.remove()?;
    Ok(())
}

#[test]
fn a_clean_stop_leaves_no_pin_behind() -> Result<()> {
    if skipped(&NEEDS) {
        return Ok(());
    }
    let scratch = Scratch::new("stop");
    let pins = Pins::of(&scratch.0);
    let plane = Plane::load(&scratch.0, Duration::ZERO)?;
    assert!(pins.may_exist());
    plane.remove()?;
    assert!(!pins.instance().exists());
    Ok(())
}

#[test]
fn the_heartbeat_moves_the_clock_that_dump_reads() -> Result<()> {
    if skipped(&NEEDS) {
        return Ok(());
    }
    let scratch = Scratch::new("clock");
    let plane = Plane::load(&scratch.0, Duration::from_mins(1))?;
    let control = Maps::open(&Pins::of(&scratch.0))?.read_control();
    assert!(control.heartbeat > 0);
    assert!(
        [100, 250, 300, 1000].contains(&control.hertz),
        "{} Hz",
        control.hertz
    );
    assert_eq!(control.deadman, 60 * control.hertz);
    plane.remove()?;
    Ok(())
}
