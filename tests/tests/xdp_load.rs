//! The program loads, and a first packet finds its way.
use etherparse::PacketBuilder;
use lb_agent::config::model::{Forwarding, Scheduler};
use lb_agent::dataplane::desired::*;
use lb_agent::dataplane::plan::plan;
use lb_agent::dataplane::xdp::{clock::Ticks, gate::Gates, maps::Maps, object::Object, pins::Pins};
use lb_common::service::{ServiceKey4, TCP};
use std::net::Ipv4Addr;

#[test]
fn loads() {
    let pins = Pins::of("probe");
    let _ = pins.remove();
    let mut object = Object::load(&pins)
        .map_err(|e| {
            let mut s: &dyn std::error::Error = &e;
            loop {
                eprintln!("{s}");
                match s.source() {
                    Some(x) => s = x,
                    None => break,
                }
            }
        })
        .unwrap();
    let mut maps = Maps::open(&pins).unwrap();
    object.heartbeat().unwrap();
    eprintln!("jiffies {}", maps.read_control().heartbeat);
    let gates = Gates::new(maps.control());
    gates.reset();
    maps.set_control(42, 0, &[2, 60, 900, 120, 10, 300]);
    let hop = Hop {
        ifindex: 1,
        mtu: 1500,
        src_mac: [2; 6],
        dst_mac: [4; 6],
        source: Ipv4Addr::new(10, 0, 0, 1),
    };
    let server = |h| Server {
        address: Ipv4Addr::new(10, 0, 0, h),
        port: 80,
        method: Forwarding::Dr,
        weight: 1,
        sorry: false,
        path: Path::Via(hop),
    };
    let d = Desired {
        services: vec![Service {
            key: ServiceKey4::new(Ipv4Addr::new(10, 0, 0, 100), 80, TCP),
            scheduler: Scheduler::Rr,
            persistence: None,
            gate: 0,
            servers: vec![server(5), server(6)],
        }],
    };
    for op in plan(&d, &maps.installed().unwrap(), Ticks::at(250)).unwrap() {
        maps.execute(&op).unwrap();
    }
    for port in [1000, 1001, 1002, 1000] {
        let mut f = Vec::new();
        PacketBuilder::ethernet2([1; 6], [9; 6])
            .ipv4([10, 0, 0, 9], [10, 0, 0, 100], 64)
            .tcp(port, 80, 0, 1000)
            .syn()
            .write(&mut f, &[])
            .unwrap();
        let v = object.run(&mut f).unwrap();
        eprintln!("{v} {:02x?}", &f[..14]);
    }
    for (s, b) in maps.backends() {
        eprintln!("{s} {b:?} {:?}", maps.traffic(s).unwrap());
    }
    for f in maps.flows() {
        eprintln!(
            "{} {} {} {}",
            f.client(),
            f.client_port(),
            f.slot(),
            f.state()
        );
    }
    pins.remove().unwrap();
}
