//! What is desired after the checks have changed some pools, found out from those alone.

use super::*;

const VIPS: [&str; 3] = ["10.0.0.100", "10.0.0.101", "10.0.0.102"];
const SERVERS: [&str; 2] = ["10.0.0.5", "10.0.0.6"];

fn event(vip: &str, server: &str, change: Change) -> Event {
    Event {
        virtual_server: AddressKey {
            address: address(vip),
            port: 80,
            protocol: Protocol::Tcp,
        }
        .into(),
        real_server: RealServerKey {
            address: address(server),
            port: 80,
        },
        change,
        reason: String::new(),
        at: clock(),
    }
}

fn three() -> Director {
    let servers = VIPS.iter().map(|vip| virtual_server(vip, &SERVERS));
    let mut director = director(Config {
        virtual_servers: servers.collect(),
        ..Config::default()
    });
    for server in SERVERS {
        reach(&mut director, server, 2);
    }
    director.choose(Ok(()), Err("this kernel has no IPVS"));
    director
}

#[test]
fn what_the_pools_that_moved_come_to_is_what_all_come_to() {
    let mut director = three();
    let mut before = director.desired();
    assert_eq!(director.take_moved(), BTreeSet::new());
    for (events, moved) in [
        (vec![(0, 0, Change::Down)], vec![0]),
        (
            vec![(0, 1, Change::Down), (2, 0, Change::Weight(7))],
            vec![0, 2],
        ),
        // Of a server that is down nothing is heard.
        (vec![(0, 0, Change::Weight(3))], vec![]),
        (vec![(0, 0, Change::Up), (1, 1, Change::Down)], vec![0, 1]),
        (vec![], vec![]),
    ] {
        for (vip, server, change) in events {
            let event = event(VIPS[vip], SERVERS[server], change);
            let (changed, _) = director.handle_health(&event);
            assert_eq!(changed, moved.contains(&vip));
        }
        let told = director.take_moved();
        assert_eq!(told, moved.into_iter().collect());
        let now = director.desired_since(&before, &told);
        assert_eq!(now, director.desired());
        before = now;
    }
}

/// Of whom it was not told it says what it was: nobody looks.
#[test]
fn the_others_are_not_found_out_again() {
    let mut director = three();
    let before = director.desired();
    for vip in VIPS {
        let (_, _) = director.handle_health(&event(vip, SERVERS[0], Change::Down));
    }
    let now = director.desired_since(&before, &BTreeSet::from([1]));
    let servers: Vec<usize> = now.services.iter().map(|it| it.servers.len()).collect();
    assert_eq!(servers, [2, 1, 2]);
}

/// What cannot be found in what was desired is found out anew, as a whole.
#[test]
fn what_does_not_fit_is_found_out_as_a_whole() {
    let mut director = three();
    let (_, _) = director.handle_health(&event(VIPS[1], SERVERS[0], Change::Down));
    let moved = director.take_moved();
    let nothing = crate::dataplane::desired::Desired::default();
    assert_eq!(director.desired_since(&nothing, &moved), director.desired());
    // Between two configurations what was served stays.
    let before = director.desired();
    let another = Config {
        virtual_servers: vec![virtual_server(VIPS[1], &SERVERS)],
        ..Config::default()
    };
    drop(director.reload(another));
    let (_, _) = director.handle_health(&event(VIPS[1], SERVERS[1], Change::Down));
    let moved = director.take_moved();
    assert_eq!(director.desired_since(&before, &moved), director.desired());
}
