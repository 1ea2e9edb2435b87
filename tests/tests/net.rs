//! `lb_agent::net` against the real kernel.
//!
//! Every test has namespaces of its own without names: a thread that calls `unshare` and runs
//! what it is given. The kernel removes them with the thread, however the test ends.

#![expect(
    clippy::expect_used,
    clippy::print_stderr,
    clippy::unwrap_used,
    reason = "the functions that tests share are tests too"
)]

use std::net::IpAddr;
use std::os::fd::AsFd;
use std::process::Command;
use std::sync::mpsc;
use std::thread;

use lb_agent::net::address::{self, Added, Address, Removed};
use lb_agent::net::link::{self, LinkKind};
use lb_agent::net::monitor::{Event, Group, Monitor};
use lb_agent::net::neighbour::{self, NeighbourState};
use lb_agent::net::netlink::Connection;
use lb_agent::net::route;
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sched::{CloneFlags, unshare};
use nix::unistd::{Uid, gettid};

type Job = Box<dyn FnOnce() + Send>;

/// A network namespace, as long as this value lives.
struct Namespace {
    jobs: mpsc::Sender<Job>,
    thread: i32,
}

impl Namespace {
    /// `None`, with the reason printed, if this process may not make one.
    fn new() -> Option<Self> {
        if !Uid::effective().is_root() {
            eprintln!("skipped: needs root for network namespaces");
            return None;
        }
        let (jobs, todo) = mpsc::channel::<Job>();
        let (ready, started) = mpsc::channel();
        thread::spawn(move || {
            let entered = unshare(CloneFlags::CLONE_NEWNET).map(|()| gettid().as_raw());
            ready.send(entered).unwrap();
            for job in todo {
                job();
            }
        });
        match started.recv().unwrap() {
            Ok(thread) => Some(Self { jobs, thread }),
            Err(errno) => {
                eprintln!("skipped: cannot make a network namespace: {errno}");
                None
            }
        }
    }

    /// Runs `work` inside.
    #[track_caller]
    fn run<R: Send + 'static>(&self, work: impl FnOnce() -> R + Send + 'static) -> R {
        let (done, result) = mpsc::channel();
        let job = move || drop(done.send(work()));
        self.jobs.send(Box::new(job)).unwrap();
        result.recv().expect("what ran in the namespace panicked")
    }

    /// Runs `ip` with these arguments inside.
    #[track_caller]
    fn ip(&self, arguments: &str) {
        self.try_ip(arguments).unwrap();
    }

    /// The same where the kernel may lack what is asked; what `ip` said is the error.
    #[track_caller]
    fn try_ip(&self, arguments: &str) -> Result<(), String> {
        let arguments = arguments.to_owned();
        self.run(move || {
            let output = Command::new("ip")
                .args(arguments.split(' '))
                .output()
                .unwrap();
            let text = String::from_utf8_lossy(&output.stderr);
            let done = output.status.success();
            done.then_some(())
                .ok_or_else(|| format!("ip {arguments}: {}", text.trim()))
        })
    }
}

/// Two namespaces with a cable: 192.0.2.1/24 on `left`, 192.0.2.2/24 on `right`.
fn cable() -> Option<(Namespace, Namespace)> {
    let (one, two) = (Namespace::new()?, Namespace::new()?);
    one.ip(&format!(
        "link add left address 02:00:00:00:00:01 type veth peer name right \
         address 02:00:00:00:00:02 netns {}",
        two.thread
    ));
    one.ip("addr add 192.0.2.1/24 dev left");
    two.ip("addr add 192.0.2.2/24 dev right");
    one.ip("link set left up");
    two.ip("link set right up");
    Some((one, two))
}

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn index_of(connection: &mut Connection, name: &str) -> u32 {
    link::by_name(connection, name).unwrap().unwrap().index
}

/// Reads events until `wanted` gives something; five seconds of silence are a failure.
#[track_caller]
fn wait_for<T>(monitor: &mut Monitor, mut wanted: impl FnMut(&Event) -> Option<T>) -> T {
    loop {
        while let Some(event) = monitor.next().unwrap() {
            if let Some(found) = wanted(&event) {
                return found;
            }
        }
        let mut waiting = [PollFd::new(monitor.as_fd(), PollFlags::POLLIN)];
        let ready = poll(&mut waiting, PollTimeout::from(5000u16)).unwrap();
        assert_ne!(ready, 0, "the awaited event does not come");
    }
}

#[test]
fn links_of_every_kind_are_told_with_parent_master_mtu_mac_and_carrier() {
    let Some(namespace) = Namespace::new() else {
        return;
    };
    for command in [
        "link set lo up",
        "link add left address 02:00:00:00:00:01 mtu 1400 type veth peer name right",
        "link set left up",
        "link add br0 type bridge",
        "link set right master br0",
        "link add mac0 link left type macvlan mode private",
        "link add ifb0 type ifb",
    ] {
        namespace.ip(command);
    }
    let vlans = namespace.try_ip("link add dot1q link left type vlan id 42");
    if let Err(refusal) = &vlans {
        eprintln!("without a VLAN, which this kernel does not have: {refusal}");
    }
    namespace.run(move || {
        let mut connection = Connection::open().unwrap();
        let links = link::list(&mut connection).unwrap();
        let find = |name: &str| links.iter().find(|link| link.name == name).unwrap().clone();
        let left = find("left");
        assert_eq!(left.kind, LinkKind::Veth);
        assert_eq!((left.mtu, left.mac), (1400, [2, 0, 0, 0, 0, 1]));
        assert!(!left.up, "its peer is down, so there is no carrier");
        assert!(find("lo").up);
        assert_eq!(find("lo").kind, LinkKind::Loopback);
        let parent = left.index;
        if vlans.is_ok() {
            assert_eq!(find("dot1q").kind, LinkKind::Vlan { parent, id: 42 });
        }
        assert_eq!(find("mac0").kind, LinkKind::Macvlan { parent });
        assert_eq!(find("br0").kind, LinkKind::Bridge);
        assert_eq!(find("right").master, Some(find("br0").index));
        assert_eq!(left.master, None);
        assert_eq!(find("ifb0").kind, LinkKind::Other("ifb".into()));
        assert_eq!(
            link::by_name(&mut connection, "left").unwrap(),
            Some(left.clone())
        );
        assert_eq!(
            link::by_index(&mut connection, left.index).unwrap(),
            Some(left)
        );
        assert_eq!(link::by_name(&mut connection, "nothing").unwrap(), None);
        assert_eq!(
            link::by_name(&mut connection, "a-name-that-is-too-long").unwrap(),
            None
        );
        assert_eq!(link::by_index(&mut connection, 9999).unwrap(), None);
    });
}

#[test]
fn an_address_comes_back_as_it_was_set_and_a_second_time_is_already_there() {
    let Some(namespace) = Namespace::new() else {
        return;
    };
    namespace.ip("link add left type veth peer name right");
    namespace.ip("link set left up");
    namespace.run(|| {
        let mut connection = Connection::open().unwrap();
        let index = index_of(&mut connection, "left");
        let vip = Address {
            index,
            address: "198.51.100.7/24".parse().unwrap(),
            label: Some("left:vip".into()),
            scope: 253,
            broadcast: Some("198.51.100.255".parse().unwrap()),
        };
        assert_eq!(address::add(&mut connection, &vip).unwrap(), Added::New);
        assert_eq!(
            address::add(&mut connection, &vip).unwrap(),
            Added::AlreadyThere
        );
        assert!(address::list(&mut connection).unwrap().contains(&vip));
        assert_eq!(
            address::remove(&mut connection, &vip).unwrap(),
            Removed::Gone
        );
        assert_eq!(
            address::remove(&mut connection, &vip).unwrap(),
            Removed::WasNotThere
        );
        assert!(!address::list(&mut connection).unwrap().contains(&vip));

        let six = Address {
            index,
            address: "2001:db8::7/128".parse().unwrap(),
            ..Address::default()
        };
        assert_eq!(address::add(&mut connection, &six).unwrap(), Added::New);
        assert_eq!(
            address::add(&mut connection, &six).unwrap(),
            Added::AlreadyThere
        );
        assert!(address::list(&mut connection).unwrap().contains(&six));
        assert_eq!(
            address::remove(&mut connection, &six).unwrap(),
            Removed::Gone
        );
        assert_eq!(
            address::remove(&mut connection, &six).unwrap(),
            Removed::WasNotThere
        );
    });
}

#[test]
fn a_refused_address_is_told_with_what_was_asked_and_the_kernels_words() {
    let Some(namespace) = Namespace::new() else {
        return;
    };
    namespace.run(|| {
        let mut connection = Connection::open().unwrap();
        let mut wrong = Address {
            index: 9999,
            address: "198.51.100.7/24".parse().unwrap(),
            ..Address::default()
        };
        let error = address::add(&mut connection, &wrong).unwrap_err();
        assert_eq!(error.errno(), Some(Errno::ENODEV));
        let text = error.to_string();
        assert!(
            text.starts_with("cannot add 198.51.100.7/24 to interface number 9999: "),
            "{text}"
        );
        assert_eq!(
            address::remove(&mut connection, &wrong).unwrap(),
            Removed::WasNotThere
        );
        wrong.index = 1;
        wrong.label = Some("a label that is far too long".into());
        let text = address::add(&mut connection, &wrong)
            .unwrap_err()
            .to_string();
        assert!(
            text.contains("(Attribute failed policy validation)"),
            "{text}"
        );
    });
}

#[test]
fn a_connection_serves_on_after_a_refusal() {
    let Some(namespace) = Namespace::new() else {
        return;
    };
    namespace.run(|| {
        let mut connection = Connection::open().unwrap();
        for _ in 0..3 {
            route::get(&mut connection, ip("192.0.2.9")).unwrap_err();
            assert_eq!(link::list(&mut connection).unwrap()[0].name, "lo");
        }
    });
}

#[test]
fn a_list_longer_than_one_datagram_is_complete() {
    let Some(namespace) = Namespace::new() else {
        return;
    };
    namespace.ip("link add left type veth peer name right");
    namespace.run(|| {
        let mut connection = Connection::open().unwrap();
        let index = index_of(&mut connection, "left");
        for host in 0..2000u32 {
            let octets = (0x0a00_0000u32 + host).to_be_bytes();
            let one = Address {
                index,
                address: IpAddr::from(octets).into(),
                ..Address::default()
            };
            assert_eq!(address::add(&mut connection, &one).unwrap(), Added::New);
        }
        assert_eq!(address::list(&mut connection).unwrap().len(), 2000);
    });
}

#[test]
fn a_probe_resolves_an_unknown_neighbour_and_asks_a_stale_one_again() {
    let Some((one, _two)) = cable() else { return };
    one.run(|| {
        let mut connection = Connection::open().unwrap();
        let index = index_of(&mut connection, "left");
        let mut monitor = Monitor::open(&[Group::Neighbour]).unwrap();
        let peer = ip("192.0.2.2");
        assert_eq!(neighbour::get(&mut connection, index, peer).unwrap(), None);

        neighbour::probe(&mut connection, index, peer).unwrap();
        let reachable = |event: &Event| match event {
            Event::Neighbour(found)
                if found.address == ip("192.0.2.2") && found.state == NeighbourState::Reachable =>
            {
                Some(found.clone())
            }
            _ => None,
        };
        let found = wait_for(&mut monitor, reachable);
        assert_eq!(found.usable_mac(), Some([2, 0, 0, 0, 0, 2]));
        assert_eq!(found.index, index);

        let stale = Command::new("ip")
            .args("neigh change 192.0.2.2 dev left nud stale".split(' '))
            .status()
            .unwrap();
        assert!(stale.success());
        neighbour::probe(&mut connection, index, peer).unwrap();
        wait_for(&mut monitor, |event| match event {
            Event::Neighbour(found) if found.state == NeighbourState::Probe => Some(()),
            _ => None,
        });
        wait_for(&mut monitor, reachable);

        // Also while it is reachable: the answer may have changed.
        neighbour::probe(&mut connection, index, peer).unwrap();
        wait_for(&mut monitor, reachable);
        assert!(
            neighbour::list(&mut connection)
                .unwrap()
                .iter()
                .any(|n| n.address == peer)
        );
    });
}

#[test]
fn a_probe_notices_that_the_neighbour_has_another_mac_now() {
    let Some((one, two)) = cable() else { return };
    let (connection, monitor, index) = one.run(|| {
        let mut connection = Connection::open().unwrap();
        let index = index_of(&mut connection, "left");
        let mut monitor = Monitor::open(&[Group::Neighbour]).unwrap();
        neighbour::probe(&mut connection, index, ip("192.0.2.2")).unwrap();
        wait_for(&mut monitor, |event| match event {
            Event::Neighbour(found) => found.usable_mac(),
            _ => None,
        });
        (connection, monitor, index)
    });
    two.ip("link set right address 02:00:00:00:00:99");
    one.run(move || {
        let (mut connection, mut monitor) = (connection, monitor);
        neighbour::probe(&mut connection, index, ip("192.0.2.2")).unwrap();
        wait_for(&mut monitor, |event| match event {
            Event::Neighbour(found) if found.state == NeighbourState::Failed => Some(()),
            Event::Neighbour(found) if found.mac == Some([2, 0, 0, 0, 0, 0x99]) => Some(()),
            _ => None,
        });
        neighbour::probe(&mut connection, index, ip("192.0.2.2")).unwrap();
        wait_for(&mut monitor, |event| match event {
            Event::Neighbour(found) if found.usable_mac() == Some([2, 0, 0, 0, 0, 0x99]) => {
                Some(())
            }
            _ => None,
        });
    });
}

#[test]
fn a_probe_leaves_an_entry_of_the_operator_alone_and_fails_where_nobody_answers() {
    let Some((one, _two)) = cable() else { return };
    one.ip("neigh add 192.0.2.3 lladdr 02:00:00:00:00:03 nud permanent dev left");
    one.run(|| {
        let mut connection = Connection::open().unwrap();
        let index = index_of(&mut connection, "left");
        neighbour::probe(&mut connection, index, ip("192.0.2.3")).unwrap();
        let kept = neighbour::get(&mut connection, index, ip("192.0.2.3"))
            .unwrap()
            .unwrap();
        assert_eq!(kept.state, NeighbourState::Permanent);

        let mut monitor = Monitor::open(&[Group::Neighbour]).unwrap();
        neighbour::probe(&mut connection, index, ip("192.0.2.4")).unwrap();
        let failed = wait_for(&mut monitor, |event| match event {
            Event::Neighbour(found) if found.state == NeighbourState::Failed => Some(found.clone()),
            _ => None,
        });
        assert_eq!(failed.usable_mac(), None);
        // A failed one can be asked again.
        neighbour::probe(&mut connection, index, ip("192.0.2.4")).unwrap();
        let again = neighbour::get(&mut connection, index, ip("192.0.2.4"))
            .unwrap()
            .unwrap();
        assert_eq!(again.state, NeighbourState::Incomplete);
    });
}

#[test]
fn a_neighbour_of_ipv6_is_resolved_too() {
    let Some((one, two)) = cable() else { return };
    one.ip("addr add 2001:db8::1/64 dev left nodad");
    two.ip("addr add 2001:db8::2/64 dev right nodad");
    one.run(|| {
        let mut connection = Connection::open().unwrap();
        let index = index_of(&mut connection, "left");
        let mut monitor = Monitor::open(&[Group::Neighbour]).unwrap();
        neighbour::probe(&mut connection, index, ip("2001:db8::2")).unwrap();
        let mac = wait_for(&mut monitor, |event| match event {
            Event::Neighbour(found) if found.address == ip("2001:db8::2") => found.usable_mac(),
            _ => None,
        });
        assert_eq!(mac, [2, 0, 0, 0, 0, 2]);
    });
}

#[test]
fn a_route_tells_interface_gateway_source_and_whether_it_is_this_host() {
    let Some((one, _two)) = cable() else { return };
    one.ip("link set lo up");
    one.ip("route add 203.0.113.0/24 via 192.0.2.2 mtu 1300");
    one.ip("route add 198.51.100.0/24 via inet6 fe80::2 dev left");
    one.run(|| {
        let mut connection = Connection::open().unwrap();
        let left = index_of(&mut connection, "left");

        let on_link = route::get(&mut connection, ip("192.0.2.2")).unwrap();
        assert_eq!(on_link.index, left);
        assert_eq!(on_link.gateway, None);
        assert_eq!(on_link.source, Some(ip("192.0.2.1")));
        assert!(!on_link.local);
        assert_eq!(on_link.next_hop(ip("192.0.2.2")), ip("192.0.2.2"));

        let routed = route::get(&mut connection, ip("203.0.113.9")).unwrap();
        assert_eq!(
            (routed.index, routed.gateway),
            (left, Some(ip("192.0.2.2")))
        );
        assert_eq!(routed.mtu, Some(1300));

        let via_six = route::get(&mut connection, ip("198.51.100.9")).unwrap();
        assert_eq!(via_six.gateway, Some(ip("fe80::2")));

        assert!(route::get(&mut connection, ip("192.0.2.1")).unwrap().local);
        assert!(route::get(&mut connection, ip("127.0.0.1")).unwrap().local);
        let error = route::get(&mut connection, ip("8.8.8.8")).unwrap_err();
        assert_eq!(error.errno(), Some(Errno::ENETUNREACH));
        assert!(
            error
                .to_string()
                .starts_with("cannot find the route to 8.8.8.8: "),
            "{error}"
        );
    });
}

#[test]
fn the_monitor_tells_links_addresses_and_routes_as_they_change() {
    let Some((one, two)) = cable() else { return };
    let mut monitor = one.run(|| Monitor::open(&Group::ALL).unwrap());

    one.ip("addr add 198.51.100.1/32 dev left");
    let vip = |address: &Address| address.address == "198.51.100.1/32".parse().unwrap();
    wait_for(&mut monitor, |event| match event {
        Event::AddressAdded(address) if vip(address) => Some(()),
        _ => None,
    });
    one.ip("addr del 198.51.100.1/32 dev left");
    wait_for(&mut monitor, |event| match event {
        Event::AddressRemoved(address) if vip(address) => Some(()),
        _ => None,
    });
    one.ip("route add 203.0.113.0/24 via 192.0.2.2");
    wait_for(&mut monitor, |event| {
        (*event == Event::RouteChanged).then_some(())
    });
    one.ip("rule add to 203.0.113.0/24 lookup 100");
    wait_for(&mut monitor, |event| {
        (*event == Event::RouteChanged).then_some(())
    });

    two.ip("link set right down");
    wait_for(&mut monitor, |event| match event {
        Event::Link(link) if link.name == "left" && !link.up => Some(()),
        _ => None,
    });
    one.ip("link del left");
    wait_for(&mut monitor, |event| match event {
        Event::LinkGone { name, .. } if name == "left" => Some(()),
        _ => None,
    });
    while monitor.next().unwrap().is_some() {}
    assert_eq!(monitor.next().unwrap(), None, "reading never blocks");
}

#[test]
fn leaving_a_bridge_is_no_end_of_the_link() {
    let Some(namespace) = Namespace::new() else {
        return;
    };
    namespace.ip("link add br0 type bridge");
    namespace.ip("link add left type veth peer name right");
    let mut monitor = namespace.run(|| Monitor::open(&[Group::Link]).unwrap());
    namespace.ip("link set left master br0");
    namespace.ip("link set left nomaster");
    namespace.ip("link del left");
    let (mut mastered, mut gone) = (false, 0);
    wait_for(&mut monitor, |event| match event {
        Event::Link(link) if link.name == "left" => {
            mastered |= link.master.is_some();
            None
        }
        Event::LinkGone { name, .. } if name == "left" => {
            gone += 1;
            None
        }
        // The last to go: the other end of the cable.
        Event::LinkGone { name, .. } if name == "right" => Some(()),
        _ => None,
    });
    assert!(mastered);
    assert_eq!(gone, 1);
}

#[test]
fn lost_notifications_are_told_as_an_overrun_and_reading_goes_on() {
    let Some(namespace) = Namespace::new() else {
        return;
    };
    namespace.ip("link add left type veth peer name right");
    namespace.run(|| {
        let mut monitor = Monitor::open(&[Group::Ipv4Address]).unwrap();
        let mut connection = Connection::open().unwrap();
        let index = index_of(&mut connection, "left");
        let one = Address {
            index,
            address: "198.51.100.1/32".parse().unwrap(),
            ..Address::default()
        };
        for _ in 0..8000 {
            address::add(&mut connection, &one).unwrap();
            address::remove(&mut connection, &one).unwrap();
        }
        wait_for(&mut monitor, |event| {
            (*event == Event::Overrun).then_some(())
        });
        while monitor.next().unwrap().is_some() {}
        address::add(&mut connection, &one).unwrap();
        let added = wait_for(&mut monitor, |event| match event {
            Event::AddressAdded(address) => Some(address.clone()),
            _ => None,
        });
        assert_eq!((added.index, added.address), (one.index, one.address));
    });
}
