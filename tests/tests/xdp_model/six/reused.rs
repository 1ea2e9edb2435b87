//! The agent takes a service away and puts another one in its place, of the same port, while packets are
//! looked up: none of them goes to a server of the other one.

use std::mem::offset_of;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use anyhow::{Context as _, Result, ensure};
use aya::maps::MapData;
use lb_agent::config::model::Forwarding::Dr;
use lb_agent::dataplane::xdp::maps::mapped::Mapped;
use lb_agent::dataplane::xdp::object::Object;
use lb_agent::dataplane::xdp::pins::Pins;
use lb_common::limits::SERVICE_BUCKETS6;
use lb_common::service::{ServiceBucket6, ServiceSlot6};

use super::frame::frame;
use super::twins;
use crate::fixture::{ACK, SYN, desired, in_director, packet, server, service};
use crate::frame::TCP;
use crate::races::race;

/// Packets that are looked up meanwhile.
const PACKETS: usize = 300_000;

/// The four words of a place.
struct Place<'a> {
    key: &'a AtomicU64,
    entry: &'a AtomicU64,
    address: [&'a AtomicU64; 2],
}

impl<'a> Place<'a> {
    /// Every place that is taken, and what it holds.
    fn all(table: &'a Mapped<ServiceBucket6>) -> impl Iterator<Item = (Self, ServiceSlot6)> {
        (0..SERVICE_BUCKETS6 as usize).flat_map(move |bucket| {
            let ways = table.get(bucket).into_iter().flat_map(|it| it.ways);
            let taken = ways.enumerate().filter(|(_, slot)| slot.key != 0);
            taken.filter_map(move |(way, slot)| Some((Self::at(table, bucket, way)?, slot)))
        })
    }

    fn at(table: &'a Mapped<ServiceBucket6>, bucket: usize, way: usize) -> Option<Self> {
        let slot = offset_of!(ServiceBucket6, ways) + way * size_of::<ServiceSlot6>();
        let word = |offset| table.word(bucket, slot + offset);
        let address = offset_of!(ServiceSlot6, address);
        Some(Self {
            key: word(offset_of!(ServiceSlot6, key))?,
            entry: word(offset_of!(ServiceSlot6, entry))?,
            address: [word(address)?, word(address + 8)?],
        })
    }

    /// Takes out what is there and puts another service in, in the order of `lb_common::service`.
    fn give_to(&self, other: &ServiceSlot6) {
        self.key.store(0, Ordering::SeqCst);
        self.entry.store(0, Ordering::SeqCst);
        for (word, value) in self.address.iter().zip(other.address) {
            word.store(value, Ordering::SeqCst);
        }
        self.entry.store(other.entry.word(), Ordering::SeqCst);
        self.key.store(other.key, Ordering::SeqCst);
    }
}

#[test]
fn no_packet_meets_a_service_that_is_just_given_the_place_of_its_own() -> Result<()> {
    in_director(|network, rig| {
        let services = [(20, 11), (21, 12)]
            .map(|(last, host)| service(last, 80, TCP, vec![server(network, host, 80, Dr)]));
        let images = services.each_ref().map(|it| {
            let [_, theirs] = twins(it);
            theirs
        });
        rig.configure(&desired(&images.each_ref()))?;
        let [syn, ack] = [SYN, ACK].map(|flags| frame(&packet(1, &services[0], flags), &[]));
        let found = rig.send(&syn, network.front.index)?;
        ensure!(found.frame[5] == 0x11, "not sent");
        let pins = Pins::of(network.director.name());
        let map = MapData::from_pin(pins.map("SERVICES6"))?;
        let table = Mapped::new(map.fd(), SERVICE_BUCKETS6 as usize, true)?;
        let mut all: Vec<_> = Place::all(&table).collect();
        all.sort_by_key(|(_, slot)| slot.entry.id);
        let [(place, ours), (_, theirs)] = &all[..] else {
            anyhow::bail!("{} places", all.len());
        };
        let mut object = Object::load(&pins)?;
        let done = AtomicBool::new(false);
        let mut served = 0;
        race(
            || {
                while !done.load(Ordering::Relaxed) {
                    place.give_to(theirs);
                    place.give_to(ours);
                }
                Ok(())
            },
            || {
                let sent = send(&mut object, &ack);
                done.store(true, Ordering::Relaxed);
                served = sent.context("beside the agent")?;
                Ok(())
            },
        )?;
        println!("{served} of {PACKETS} have met their service");
        Ok(())
    })
}

/// Sends packets; how many of them have met their service.
fn send(object: &mut Object, frame: &[u8]) -> Result<usize> {
    let mut served = 0;
    for number in 0..PACKETS {
        let mut out = frame.to_vec();
        object.run(&mut out)?;
        ensure!(out[5] != 0x12, "packet {number} has met the other one");
        served += usize::from(out[5] == 0x11);
    }
    Ok(served)
}
