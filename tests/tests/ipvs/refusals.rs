//! What the kernel refuses, in words.

use anyhow::Result;
use lb_agent::net::ipvs::{Change, Destination, Forwarding, Ipvs};

use crate::machine;
use crate::samples::{plain, server, web};

#[test]
fn every_refusal_is_told_and_what_stands_around_it_is_done() -> Result<()> {
    let Some(machine) = machine()? else {
        return Ok(());
    };
    let (one, two) = (web(1), web(2));
    let to = |address: [u8; 4]| server(address, Forwarding::Route);
    let heavy = Destination {
        weight: 1 << 31,
        ..to([10, 0, 0, 9])
    };
    let six: std::net::Ipv6Addr = "fd00::1".parse()?;
    let steps = [
        (Change::NewService(plain(one, "rr")), None),
        (
            Change::NewService(plain(one, "rr")),
            Some("made it meanwhile"),
        ),
        (
            Change::NewService(plain(two, "nonsense")),
            Some("modprobe ip_vs_nonsense"),
        ),
        (Change::NewDestination(one, to([10, 0, 0, 1])), None),
        (
            Change::NewDestination(one, to([10, 0, 0, 1])),
            Some("added it meanwhile"),
        ),
        (
            Change::NewDestination(one, to([224, 0, 0, 1])),
            Some("an address of one host"),
        ),
        (Change::NewDestination(one, heavy), Some("2147483647")),
        (
            Change::NewDestination(one, server(six, Forwarding::Route)),
            Some("only with lb_kind TUN"),
        ),
        (
            Change::NewDestination(two, to([10, 0, 0, 1])),
            Some("the service is gone"),
        ),
        (
            Change::SetDestination(one, to([10, 0, 0, 2])),
            Some("the server is gone"),
        ),
        (
            Change::DeleteDestination(one, to([10, 0, 0, 2]).key),
            Some("the server is gone"),
        ),
        (Change::DeleteService(two), Some("the service is gone")),
        (Change::NewDestination(one, to([10, 0, 0, 3])), None),
    ];
    machine.enter(|| {
        let mut ipvs = Ipvs::open()?;
        let changes: Vec<_> = steps.iter().map(|(change, _)| change.clone()).collect();
        let mut refused = ipvs.change_all(&changes)?.into_iter().peekable();
        for (number, (change, expected)) in steps.iter().enumerate() {
            let error = refused.next_if(|it| it.number == number);
            let said = error.map(|it| it.error.to_string());
            match (said, expected) {
                (None, None) => {}
                (Some(said), Some(expected)) if said.contains(expected) => {
                    assert!(said.starts_with(&format!("cannot {change}: ")), "{said}");
                }
                (said, _) => panic!("{change}: expected {expected:?}, got {said:?}"),
            }
        }
        let table = ipvs.table()?;
        assert_eq!(table.len(), 1);
        assert_eq!(table[0].destinations.len(), 2);
        Ok(())
    })
}

#[test]
fn hundreds_of_refusals_in_one_call_are_all_told() -> Result<()> {
    let Some(machine) = machine()? else {
        return Ok(());
    };
    machine.enter(|| {
        let mut ipvs = Ipvs::open()?;
        let changes = vec![Change::DeleteService(web(1)); 1000];
        let refused = ipvs.change_all(&changes)?;
        let numbers: Vec<_> = refused.iter().map(|it| it.number).collect();
        assert_eq!(numbers, (0..1000).collect::<Vec<_>>());
        Ok(())
    })
}
