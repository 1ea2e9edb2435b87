//! The data plane: adoption, repair, and what belongs to others.

use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::time::Duration;

use anyhow::{Context, Result};
use lb_agent::dataplane::ipvs::desired::{Desired, Server, Service};
use lb_agent::dataplane::ipvs::drift::Drift;
use lb_agent::dataplane::ipvs::plane::Plane;
use lb_agent::dataplane::ipvs::view;
use lb_agent::net::ipvs::{Forwarding, ServiceKey};
use lb_agent::observe::model::AgentView;
use lb_agent::observe::services::{self, Columns};
use lb_tests::wait_until;

use crate::ipvsadm::{ipvsadm, saved};
use crate::machine;
use crate::samples::{plain, server, web};

fn service(last: u8, servers: &[u8]) -> Service {
    let to = |last: &u8| Server {
        destination: server(Ipv4Addr::new(10, 0, 0, *last), Forwarding::Route),
        sorry: false,
    };
    Service {
        settings: plain(web(last), "rr"),
        servers: servers.iter().map(to).collect(),
    }
}

fn desired(services: impl IntoIterator<Item = Service>) -> Desired {
    Desired {
        services: services.into_iter().collect(),
    }
}

/// Brings the tables to `desired`; nothing may be refused.
fn apply(plane: &mut Plane, desired: &Desired) -> Result<Vec<ServiceKey>> {
    let outcome = plane.apply(desired)?;
    assert!(outcome.refused.is_empty(), "{:?}", outcome.refused);
    Ok(outcome.adopted)
}

#[test]
fn an_emptied_table_is_noticed_and_restored() -> Result<()> {
    let Some(machine) = machine()? else {
        return Ok(());
    };
    machine.enter(|| {
        let mut plane = Plane::open()?;
        let desired = desired([service(1, &[1, 2]), service(2, &[3])]);
        apply(&mut plane, &desired)?;
        let before = saved()?;
        assert_eq!(before.len(), 5);
        assert_eq!(plane.look()?, []);
        ipvsadm("-C")?;
        let gone = [web(1), web(2)].map(Drift::ServiceGone);
        assert_eq!(plane.look()?, gone);
        apply(&mut plane, &desired)?;
        assert_eq!(saved()?, before);
        // Without a look: what the kernel refuses makes the plan anew.
        ipvsadm("-C")?;
        let less = self::desired([service(1, &[1]), service(2, &[3])]);
        apply(&mut plane, &less)?;
        assert_eq!(saved()?.len(), 4);
        Ok(())
    })
}

#[test]
fn what_others_change_is_named_and_put_right() -> Result<()> {
    let Some(machine) = machine()? else {
        return Ok(());
    };
    machine.enter(|| {
        let mut plane = Plane::open()?;
        let desired = desired([service(1, &[1, 2])]);
        apply(&mut plane, &desired)?;
        let before = saved()?;
        ipvsadm("-E -t 192.0.2.1:80 -s wlc")?;
        ipvsadm("-e -t 192.0.2.1:80 -r 10.0.0.1:80 -g -w 7")?;
        ipvsadm("-d -t 192.0.2.1:80 -r 10.0.0.2:80")?;
        ipvsadm("-a -t 192.0.2.1:80 -r 10.0.0.3:80 -m")?;
        let said: Vec<_> = plane.look()?.iter().map(ToString::to_string).collect();
        assert_eq!(
            said,
            [
                "somebody has changed virtual service TCP 192.0.2.1:80 in IPVS",
                "somebody has changed server 10.0.0.1:80 of virtual service TCP 192.0.2.1:80 in \
                 IPVS",
                "somebody has removed server 10.0.0.2:80 from virtual service TCP 192.0.2.1:80 \
                 in IPVS",
                "somebody has added server 10.0.0.3:80 to virtual service TCP 192.0.2.1:80 in \
                 IPVS",
            ]
        );
        apply(&mut plane, &desired)?;
        assert_eq!(saved()?, before);
        Ok(())
    })
}

#[test]
fn services_of_others_stay_and_those_with_our_address_are_adopted() -> Result<()> {
    let Some(machine) = machine()? else {
        return Ok(());
    };
    machine.enter(|| {
        for command in [
            "-A -t 192.0.2.9:80 -s lc",
            "-a -t 192.0.2.9:80 -r 10.0.0.9:80 -g",
            "-A -t 192.0.2.1:80 -s lc",
            "-a -t 192.0.2.1:80 -r 10.0.0.1:80 -g",
        ] {
            ipvsadm(command)?;
        }
        let foreign: Vec<_> = saved()?
            .into_iter()
            .filter(|line| line.contains("192.0.2.9"))
            .collect();
        let mut plane = Plane::open()?;
        let desired = desired([service(1, &[1]), service(2, &[2])]);
        assert_eq!(apply(&mut plane, &desired)?, [web(1)]);
        assert_eq!(apply(&mut plane, &desired)?, []);
        let lines = saved()?;
        assert!(foreign.iter().all(|line| lines.contains(line)), "{lines:?}");
        assert!(lines.contains("-A -t 192.0.2.1:80 -s rr"), "{lines:?}");
        ipvsadm("-D -t 192.0.2.9:80")?;
        assert_eq!(plane.look()?, [], "what others do to their own");
        for command in [
            "-A -t 192.0.2.9:80 -s lc",
            "-a -t 192.0.2.9:80 -r 10.0.0.9:80 -g",
        ] {
            ipvsadm(command)?;
        }
        plane.clear()?;
        assert_eq!(saved()?.into_iter().collect::<Vec<_>>(), foreign);
        Plane::open()?.flush()?;
        assert_eq!(saved()?.len(), 0, "lvs_flush");
        Ok(())
    })
}

#[test]
fn the_next_agent_adopts_what_the_last_one_left() -> Result<()> {
    let Some(machine) = machine()? else {
        return Ok(());
    };
    machine.enter(|| {
        let both = desired([service(1, &[1, 2]), service(2, &[2])]);
        apply(&mut Plane::open()?, &both)?;
        let before = saved()?;
        let mut next = Plane::open()?;
        assert_eq!(apply(&mut next, &both)?.len(), 2);
        assert_eq!(saved()?, before);
        apply(&mut next, &desired([service(1, &[2])]))?;
        let lines: Vec<_> = saved()?.into_iter().collect();
        assert_eq!(
            lines,
            [
                "-A -t 192.0.2.1:80 -s rr",
                "-a -t 192.0.2.1:80 -r 10.0.0.2:80 -g -w 1"
            ]
        );
        Ok(())
    })
}

#[test]
fn one_service_that_the_kernel_refuses_does_not_keep_the_others_out() -> Result<()> {
    let Some(machine) = machine()? else {
        return Ok(());
    };
    machine.enter(|| {
        let mut plane = Plane::open()?;
        let mut bad = service(1, &[1, 2, 3]);
        bad.settings.scheduler = "nonsense".to_owned();
        let desired = desired([bad, service(2, &[1])]);
        let outcome = plane.apply(&desired)?;
        let said: Vec<_> = outcome
            .refused
            .iter()
            .map(|it| it.error.to_string())
            .collect();
        assert_eq!(said.len(), 1, "{said:?}");
        assert!(said[0].contains("modprobe ip_vs_nonsense"), "{said:?}");
        assert_eq!(outcome.refused[0].service, Some(web(1)));
        assert!(outcome.refused[0].whole);
        assert_eq!(saved()?.len(), 2);
        Ok(())
    })
}

#[test]
fn a_glance_finds_what_has_become_of_services_in_a_big_table() -> Result<()> {
    let Some(machine) = machine()? else {
        return Ok(());
    };
    machine.enter(|| {
        let mut plane = Plane::open()?;
        let servers: Vec<u8> = (1..=100).collect();
        let all = desired((1..=100).map(|last| service(last, &servers)));
        apply(&mut plane, &all)?;
        assert!(plane.glance()?);
        for command in ["-E -t 192.0.2.77:80 -s wlc", "-D -t 192.0.2.99:80", "-C"] {
            ipvsadm(command)?;
            assert!(!plane.glance()?, "{command}");
            assert_ne!(plane.look()?, [], "{command}");
            apply(&mut plane, &all)?;
            assert!(plane.glance()?, "{command}");
            assert_eq!(saved()?.len(), 100 * 101, "{command}");
        }
        Ok(())
    })
}

#[test]
fn a_start_that_comes_to_nothing_gives_back_what_it_has_adopted() -> Result<()> {
    let Some(machine) = machine()? else {
        return Ok(());
    };
    machine.enter(|| {
        let theirs = [
            "-A -t 192.0.2.1:80 -s lc",
            "-a -t 192.0.2.1:80 -r 10.0.0.1:80 -g -w 1",
        ];
        for command in theirs {
            ipvsadm(command)?;
        }
        // An earlier agent of ours has left this one.
        ipvsadm("-A -t 192.0.2.3:80 -s rr")?;
        let mut plane = Plane::open()?;
        plane.inherit(&[web(3)]);
        apply(
            &mut plane,
            &desired([service(1, &[2]), service(2, &[1]), service(3, &[1])]),
        )?;
        assert_eq!(saved()?.len(), 6);
        let refused = plane.give_back()?;
        assert!(refused.is_empty(), "{refused:?}");
        let as_before = [theirs[0], "-A -t 192.0.2.3:80 -s rr", theirs[1]];
        assert_eq!(saved()?.into_iter().collect::<Vec<_>>(), as_before);
        assert_eq!(plane.left(), [web(3)]);
        // Who runs has made it his own.
        apply(&mut plane, &desired([service(1, &[2])]))?;
        plane.keep();
        plane.clear()?;
        assert_eq!(saved()?.len(), 0);
        Ok(())
    })
}

/// Everything but the first line, which names the program.
fn without_title(text: &str) -> String {
    let lines: Vec<_> = text.lines().skip(1).map(str::trim_end).collect();
    lines.join("\n")
}

#[test]
fn the_dump_is_ipvsadms_with_the_kernels_counters() -> Result<()> {
    let Some(machine) = machine()? else {
        return Ok(());
    };
    machine.ip("address add 192.0.2.1/32 dev lo")?;
    machine.enter(|| {
        let mut plane = Plane::open()?;
        let mut web = service(1, &[]);
        // The server is this host: the connection is counted and stays here.
        web.servers = vec![Server {
            destination: server(Ipv4Addr::LOCALHOST, Forwarding::Route),
            sorry: true,
        }];
        let desired = desired([web]);
        apply(&mut plane, &desired)?;
        assert_eq!(apply(&mut plane, &desired)?, []);
        assert_eq!(
            plane.look()?,
            [],
            "a server that is this host is as it should be"
        );
        let listener = TcpListener::bind("192.0.2.1:80")?;
        let client = TcpStream::connect("192.0.2.1:80")?;
        let (_server, _) = listener.accept()?;
        let records = view::records(&desired, |_| (None, true));
        let view =
            |plane: &mut Plane| -> Result<_> { Ok(view::services(&plane.table()?, &records)) };
        // The kernel adds the counters of its processors up every two seconds.
        let views = wait_until(Duration::from_secs(10), || {
            let views = view(&mut plane).ok()?;
            (views.first()?.counters.conns == 1).then_some(views)
        })
        .context("the connection is not counted")?;
        let server = &views[0].servers[0];
        assert!(
            server.sorry && server.counters.in_packets >= 2,
            "{server:?}"
        );
        assert_eq!(server.active_connections, 1);
        let info = plane.info()?;
        let agent = AgentView {
            version: info.version.to_string(),
            flow_table_size: info.table_size.into(),
            flow_table_size6: 0,
            silent: None,
        };
        for (columns, arguments) in [
            (Columns::Connections, "-Ln"),
            (Columns::Stats, "-Ln --stats"),
        ] {
            let mut ours = Vec::new();
            services::write(&mut ours, &agent, &view(&mut plane)?, columns)?;
            let ours = without_title(&String::from_utf8(ours)?);
            assert_eq!(ours, without_title(&ipvsadm(arguments)?));
        }
        drop(client);
        Ok(())
    })
}
