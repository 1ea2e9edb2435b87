//! More than there is room for, and all of it at once.

use super::*;

#[test]
fn more_services_than_there_are_ids_change_nothing() {
    let services = |count: u32| {
        let address = |number: u32| Ipv4Addr::from(0x0a00_0000 + number);
        let services = (0..count).map(|number| Service {
            key: ServiceKey4::new(address(number), 80, TCP).into(),
            ..service(80, &[])
        });
        desired(services.collect())
    };
    let installed = Installed::default();
    assert!(plan(&services(MAX_SERVICES - 1), &installed, TICKS).is_ok());
    let error = plan(&services(MAX_SERVICES), &installed, TICKS).unwrap_err();
    assert_eq!(error, PlanError::TooManyServices);
    assert_eq!(
        error.to_string(),
        "more than 16383 addresses and ports of virtual servers do not fit the XDP data plane"
    );
}

#[test]
fn more_servers_than_there_are_slots_change_nothing() {
    let servers = |count: u32| {
        let servers = (0..count).map(|number| Server {
            address: Ipv4Addr::from(0x0a00_0000 + number).into(),
            ..server(1, 1, Forwarding::Dr)
        });
        desired(vec![Service {
            servers: servers.collect(),
            ..service(80, &[])
        }])
    };
    let installed = Installed::default();
    assert!(plan(&servers(MAX_BACKENDS - 1), &installed, TICKS).is_ok());
    let error = plan(&servers(MAX_BACKENDS), &installed, TICKS).unwrap_err();
    assert_eq!(error, PlanError::TooManyServers);
}

/// So many servers from a number on, in services of at most so many.
fn crowd(first: u32, count: u32, in_one: u32) -> Desired {
    let server = |number: u32| Server {
        address: Ipv4Addr::from(0x0a00_0000 + first + number).into(),
        ..server(1, 1, Forwarding::Dr)
    };
    let services = (0..count.div_ceil(in_one)).map(|number| {
        let servers = number * in_one..count.min((number + 1) * in_one);
        Service {
            servers: servers.map(server).collect(),
            ..service(u16::try_from(number).unwrap(), &[])
        }
    });
    desired(services.collect())
}

#[test]
fn all_servers_may_be_exchanged_even_if_there_are_not_slots_for_both() {
    for in_one in [MAX_BACKENDS, 1000] {
        let most = MAX_BACKENDS - 1;
        let mut installed = Installed::default();
        step(&mut installed, &crowd(0, most, in_one));
        // All but the last ones.
        let wanted = crowd(most - 5, most, in_one);
        for operation in plan(&wanted, &installed, TICKS).unwrap() {
            if let Operation::WriteBackend { slot, backend } = &operation {
                let held = installed.backends.get(slot);
                let held = held.filter(|it| it.has(flags::IN_USE));
                assert!(
                    held.is_none_or(|it| it.addr == backend.addr),
                    "slot {slot} is taken from a server"
                );
                let before = installed.backends.get(slot).map_or(0, |it| it.generation);
                assert_eq!(backend.generation, before);
            }
            installed.record(&operation);
        }
        assert_eq!(plan(&wanted, &installed, TICKS), Ok(Vec::new()));
        let in_use = installed.backends.values();
        let in_use = in_use.filter(|it| it.has(flags::IN_USE)).count();
        assert_eq!(in_use, most as usize);
        for (id, table) in &installed.schedules {
            let servers = table
                .servers
                .iter()
                .map(|it| u32::from(lb_common::schedule::slot(*it)));
            assert!(
                servers
                    .into_iter()
                    .all(|it| installed.backends[&it].pool == *id)
            );
        }
    }
}
