//! Big tables.

use std::net::Ipv4Addr;
use std::time::Duration;

use anyhow::Result;
use lb_agent::dataplane::ipvs::desired::{Desired, Server, Service};
use lb_agent::dataplane::ipvs::plane::Plane;
use lb_agent::net::ipvs::{Forwarding, ServiceKey};
use lb_tests::now;

use crate::machine;
use crate::samples::{plain, server, web};

/// 10 000 servers.
const SERVICES: u8 = 100;
const SERVERS: u8 = 100;

/// What programming them and removing them may take together. An emulated machine that this
/// program, not optimised, has for itself needs half of it.
const LIMIT: Duration = Duration::from_secs(2);

/// What no machine is busy enough to explain.
const HOPELESS: Duration = Duration::from_secs(30);

/// How often the figure is taken: others use the machine, too.
const ATTEMPTS: u32 = 5;

fn ten_thousand() -> Desired {
    let service = |number: u8| {
        let to = |last: u8| Server {
            destination: server(Ipv4Addr::new(10, 0, number, last), Forwarding::Route),
            sorry: false,
        };
        let key: ServiceKey = web(number);
        Service {
            settings: plain(key, "rr"),
            servers: (1..=SERVERS).map(to).collect(),
        }
    };
    Desired {
        services: (1..=SERVICES).map(service).collect(),
    }
}

#[test]
fn ten_thousand_servers_come_and_go() -> Result<()> {
    let Some(machine) = machine()? else {
        return Ok(());
    };
    machine.enter(|| {
        let mut last = None;
        for _ in 0..ATTEMPTS {
            let [come, look, go] = measure()?;
            println!("10 000 servers: programmed in {come:?}, read in {look:?}, removed in {go:?}");
            if come + go < LIMIT {
                return Ok(());
            }
            last = Some(come + go);
        }
        assert!(last < Some(HOPELESS), "{last:?}");
        println!("skipped: {last:?} instead of {LIMIT:?}, {ATTEMPTS} times: the machine is busy");
        Ok(())
    })
}

/// How long the servers take to come, to be read, and to go one by one.
fn measure() -> Result<[Duration; 3]> {
    let mut plane = Plane::open(false)?;
    let desired = ten_thousand();
    let start = now();
    let outcome = plane.apply(&desired)?;
    let come = start.elapsed();
    assert!(outcome.refused.is_empty(), "{outcome:?}");
    let start = now();
    assert_eq!(plane.look()?, []);
    let look = start.elapsed();
    let mut empty = desired;
    for service in &mut empty.services {
        service.servers.clear();
    }
    let start = now();
    plane.apply(&empty)?;
    plane.clear()?;
    let go = start.elapsed();
    assert_eq!(plane.table()?, []);
    Ok([come, look, go])
}
