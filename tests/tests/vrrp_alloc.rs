//! Nothing is allocated for an advert, sent or received: an allocator that waits for another thread, or
//! for the kernel, would make it late.

use std::io;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use allocation_counter::measure;
use anyhow::{Context as _, Result, ensure};
use lb_agent::config::{self, Memory};
use lb_agent::net::address::{Added, Address, Removed};
use lb_agent::net::link::{Link, LinkKind};
use lb_agent::net::netlink::NetlinkError;
use lb_agent::net::virtual_link::VirtualLink;
use lb_agent::vrrp::effects::{Afterwards, Channel, Kernel};
use lb_agent::vrrp::router::Router;
use lb_agent::vrrp::routing::Entry;
use lb_agent::vrrp::settings::{Filter, Setup};
use lb_agent::vrrp::status::InstanceStatus;
use lb_agent::vrrp::{Gate, State};
use lb_tests::now;

const INDEX: u32 = 2;
/// As long as an advert may be.
const LONGEST: usize = 8192;
const ROUNDS: usize = 500;

/// An interface with two addresses, and the last packet that was sent by it.
struct Wire {
    own: [&'static str; 2],
    sent: Vec<u8>,
}

impl Kernel for Wire {
    fn links(&mut self) -> Result<Vec<Link>, NetlinkError> {
        Ok(vec![Link {
            index: INDEX,
            name: "eth0".into(),
            mac: [2, 0, 0, 0, 0, 1],
            up: true,
            mtu: 1500,
            kind: LinkKind::Ethernet,
            master: None,
            alias: None,
        }])
    }

    fn addresses(&mut self) -> Result<Vec<Address>, NetlinkError> {
        let address = |text: &&str| {
            let address = text.parse().ok()?;
            Some(Address {
                index: INDEX,
                address,
                ..Address::default()
            })
        };
        Ok(self.own.iter().filter_map(address).collect())
    }

    fn add_address(&mut self, _address: &Address) -> Result<Added, NetlinkError> {
        Ok(Added::New)
    }

    fn remove_address(&mut self, _address: &Address) -> Result<Removed, NetlinkError> {
        Ok(Removed::WasNotThere)
    }

    fn add_routing(&mut self, _entry: &Entry) -> Result<Added, NetlinkError> {
        Ok(Added::New)
    }

    fn remove_routing(&mut self, _entry: &Entry) -> Result<Removed, NetlinkError> {
        Ok(Removed::WasNotThere)
    }

    fn block(&mut self, _: &str, _: &Filter, _: &[IpAddr]) -> Result<(), NetlinkError> {
        Ok(())
    }

    fn is_blocked(&mut self, _table: &str, _of: &[IpAddr]) -> Result<bool, NetlinkError> {
        Ok(true)
    }

    fn unblock(&mut self, _table: &str) -> Result<(), NetlinkError> {
        Ok(())
    }

    fn create_link(&mut self, _link: &VirtualLink) -> Result<(), NetlinkError> {
        Ok(())
    }

    fn bring_up(&mut self, _name: &str, _alias: &str) -> Result<(), NetlinkError> {
        Ok(())
    }

    fn remove_link(&mut self, _name: &str) -> Result<(), NetlinkError> {
        Ok(())
    }

    fn set_sysctl(&mut self, _path: &str, _value: &str, _afterwards: Afterwards) {}

    fn forget_sysctls(&mut self, _below: &str) {}

    fn restore_sysctls(&mut self) {}

    fn open(&mut self, _: &Link, _: Channel, _: &[IpAddr], _: Option<u32>) -> io::Result<()> {
        Ok(())
    }

    fn close(&mut self, _index: u32) {}

    fn close_channel(&mut self, _index: u32, _channel: Channel) {}

    fn send_advert(&mut self, _: u32, _: Channel, _: IpAddr, packet: &[u8]) -> io::Result<()> {
        self.sent.clear();
        self.sent.extend_from_slice(packet);
        Ok(())
    }

    fn send_frame(&mut self, _index: u32, _frame: &[u8]) -> io::Result<()> {
        Ok(())
    }

    fn since_1970(&mut self) -> Duration {
        Duration::from_secs(1_700_000_000)
    }

    fn is_ipv6_router(&mut self, _link: &Link) -> bool {
        false
    }
}

struct NoGate;

impl Gate for NoGate {
    fn arm(&self, _instance: usize) {}

    fn disarm(&self, _instance: usize) {}
}

/// A router of one instance.
fn router(own: [&'static str; 2], priority: u8, lines: &str, now: Instant) -> Router<Wire> {
    let text = format!(
        "vrrp_instance VI_1 {{\n interface eth0\n virtual_router_id 51\n priority {priority}\n \
         {lines}\n}}\n"
    );
    let source = Memory::default().with("/main", &*text);
    let setup = Setup::from(&config::load(&source, "/main".as_ref()).config);
    let wire = Wire {
        own,
        sent: Vec::with_capacity(LONGEST),
    };
    let mut router = Router::new(setup, wire, Box::new(NoGate), Box::new(|_news| {}), now);
    router.start(now);
    router
}

/// Lets the next timer run out.
fn step(router: &mut Router<Wire>, now: &mut Instant) {
    if let Some(due) = router.poll_timeout() {
        *now = due;
        router.handle_timeout(due);
    }
}

fn status(router: &Router<Wire>, now: Instant) -> Result<InstanceStatus> {
    let boards = router.boards();
    Ok(boards.first().context("no instance")?.read(now))
}

fn check(what: &str, lines: &str, other: &str) -> Result<()> {
    let mut now = now();
    let mut master = router(["10.0.0.1/24", "fe80::1/64"], 100, lines, now);
    let mut backup = router(["10.0.0.2/24", "fe80::2/64"], 90, other, now);
    // It is MASTER, and all that follows upon that is over.
    for _ in 0..100 {
        step(&mut master, &mut now);
        backup.handle_packet(INDEX, &master.kernel_mut().sent.clone(), now);
    }
    ensure!(
        status(&master, now)?.state == State::Master,
        "{what}: no MASTER"
    );
    let before = status(&backup, now)?.stats.advert_rcvd;
    let sent = measure(|| {
        for _ in 0..ROUNDS {
            step(&mut master, &mut now);
        }
    });
    ensure!(sent.count_total == 0, "{what}, sent: {sent:?}");
    for _ in 0..ROUNDS {
        step(&mut master, &mut now);
        let packet = master.kernel_mut().sent.clone();
        let received = measure(|| backup.handle_packet(INDEX, &packet, now));
        ensure!(received.count_total == 0, "{what}, received: {received:?}");
    }
    ensure!(
        status(&backup, now)?.state == State::Backup,
        "{what}: no BACKUP"
    );
    let heard = status(&backup, now)?.stats.advert_rcvd - before;
    ensure!(heard > 100, "{what}: {heard} of {ROUNDS} steps were heard");
    Ok(())
}

/// One advert, again and again, by one sender, by another, and by both in turn, to a router of this
/// priority that does not follow it. What is said of them is said for the first of each; `harm` is done to
/// each before. In turn they may change the master that is shown with every advert, which is published.
fn check_unwanted(what: &str, priority: u8, harm: impl Fn(&mut [u8])) -> Result<()> {
    let mut now = now();
    let addresses = "virtual_ipaddress {\n 10.0.0.100\n 10.0.0.101\n }";
    let mut master = router(["10.0.0.1/24", "fe80::1/64"], 100, addresses, now);
    let own = ["10.0.0.2/24", "fe80::2/64"];
    let mut other = router(own, priority, addresses, now);
    while status(&master, now)?.state != State::Master {
        ensure!(master.poll_timeout().is_some(), "{what}: no MASTER");
        step(&mut master, &mut now);
    }
    let mut packet = master.kernel_mut().sent.clone();
    harm(&mut packet);
    let mut from_another = packet.clone();
    // The last byte of the source address.
    if let Some(last) = from_another.get_mut(15) {
        *last = 7;
    }
    let packets = [packet, from_another];
    for packet in &packets {
        other.handle_packet(INDEX, packet, now);
    }
    let before = status(&other, now)?.stats;
    for packet in &packets {
        other.handle_packet(INDEX, packet, now);
        let received = measure(|| {
            for _ in 1..ROUNDS {
                other.handle_packet(INDEX, packet, now);
            }
        });
        ensure!(received.count_total == 0, "{what}: {received:?}");
    }
    let in_turn = measure(|| {
        for packet in packets.iter().cycle().take(ROUNDS) {
            other.handle_packet(INDEX, packet, now);
        }
    });
    let most = 8 * u64::try_from(ROUNDS)?;
    ensure!(in_turn.count_total <= most, "{what}: {in_turn:?}");
    let after = status(&other, now)?;
    ensure!(after.state == State::Backup, "{what}: {:?}", after.state);
    let (stats, rounds) = (after.stats, 3 * u64::try_from(ROUNDS)?);
    let heard = stats.advert_rcvd - before.advert_rcvd;
    let refused = stats.chk_err - before.chk_err;
    ensure!(heard + refused == rounds, "{what}: {heard} and {refused}");
    Ok(())
}

/// A MASTER that hears a worse one answers, tells of it, and announces its addresses: that takes some
/// allocations for each advert, but not many.
fn little_is_allocated_for_a_worse_master_by_a_better_one() -> Result<()> {
    let mut now = now();
    let addresses = "virtual_ipaddress {\n 10.0.0.100\n 10.0.0.101\n }";
    let mut worse = router(["10.0.0.1/24", "fe80::1/64"], 100, addresses, now);
    let mut better = router(["10.0.0.2/24", "fe80::2/64"], 110, addresses, now);
    for router in [&mut worse, &mut better] {
        while status(router, now)?.state != State::Master {
            ensure!(router.poll_timeout().is_some(), "no MASTER");
            step(router, &mut now);
        }
    }
    let packet = worse.kernel_mut().sent.clone();
    for _ in 0..10 {
        better.handle_packet(INDEX, &packet, now);
    }
    let received = measure(|| {
        for _ in 0..ROUNDS {
            better.handle_packet(INDEX, &packet, now);
        }
    });
    let most = 64 * u64::try_from(ROUNDS)?;
    ensure!(received.count_total <= most, "{received:?}");
    let state = status(&better, now)?.state;
    ensure!(state == State::Master, "{state:?}");
    Ok(())
}

/// What somebody causes who sends adverts that are not followed: with the agent's own log.
fn nothing_is_allocated_for_adverts_that_are_not_followed() -> Result<()> {
    check_unwanted("of a worse master", 110, |_packet| {})?;
    check_unwanted("with a wrong checksum", 90, |packet| {
        if let Some(last) = packet.last_mut() {
            *last ^= 1;
        }
    })
}

#[test]
fn nothing_is_allocated_for_an_advert_of_any_dialect() -> Result<()> {
    let counted = measure(|| drop(Vec::<u8>::with_capacity(1)));
    ensure!(counted.count_total == 1, "nothing is counted");
    // Lines are formatted and handed over as in the agent; only once in a process, so there is one
    // test here.
    let _log = lb_agent::runtime::logging::start("info")?;
    nothing_is_allocated_for_adverts_that_are_not_followed()?;
    little_is_allocated_for_a_worse_master_by_a_better_one()?;
    let four = "virtual_ipaddress {\n 10.0.0.100\n 10.0.0.101\n }";
    let six = "virtual_ipaddress {\n fe80::100\n fd00::100\n }";
    let pass = "authentication {\n auth_type PASS\n auth_pass 12345678\n }";
    let ah = "authentication {\n auth_type AH\n auth_pass 12345678\n }";
    let hmac = "auth_hmac {\n key 1 a-secret-of-at-least-thirty-two-bytes\n }";
    for (what, lines) in [
        ("version 2", four.to_owned()),
        ("PASS", format!("{pass}\n{four}")),
        ("AH", format!("{ah}\n{four}")),
        ("version 3", format!("version 3\nadvert_int 0.1\n{four}")),
        ("IPv6", six.to_owned()),
        ("auth_hmac", format!("{hmac}\n{four}")),
        ("auth_hmac over IPv6", format!("{hmac}\n{six}")),
    ] {
        check(what, &lines, &lines)?;
    }
    let to = |own: u8, peer: u8| {
        format!(
            "version 3\nunicast_src_ip 10.0.0.{own}\nunicast_peer {{\n 10.0.0.{peer}\n }}\n{four}"
        )
    };
    check("unicast", &to(1, 2), &to(2, 1))
}
