//! Checks that several virtual servers have, and those of a virtual server whose address is away.

use super::*;

#[test]
fn one_question_is_asked_once_for_all_virtual_servers() {
    let now = clock::now();
    let services: Vec<Service> = (1..=50).map(service_at).collect();
    for (settings, probes) in [(shared(1000), 1), (alone(1000, 0), 50)] {
        let mut schedule = Schedule::new(&services, settings, now);
        schedule.handle_timeout(now + LOOP);
        let asked = std::iter::from_fn(|| schedule.poll_action())
            .filter(|action| matches!(action, Action::Probe { .. }))
            .count();
        assert_eq!(asked, probes);
        for id in 0..probes {
            schedule.handle_result(CheckerId(id), refused(), now + LOOP);
        }
        let told = events(&mut schedule);
        let expected: Vec<_> = services
            .iter()
            .map(|service| (service.key.address(), Change::Down))
            .collect();
        assert_eq!(told, expected);
        assert_eq!(schedule.status(now).len(), 50);
    }
}

#[test]
fn what_differs_in_any_parameter_is_asked_for_itself() {
    let now = clock::now();
    let mut services = vec![service_at(1), service_at(2), service_at(3), service_at(4)];
    let change = |service: &mut Service, change: fn(&mut Check)| {
        change(&mut service.servers[0].checks[0]);
    };
    change(&mut services[1], |check| {
        check.question.target.connect_port = 81;
    });
    change(&mut services[2], |check| check.delay_loop += LOOP);
    change(&mut services[3], |check| check.question.kind = Kind::Ping);
    let schedule = Schedule::new(&services, shared(9), now);
    assert_eq!(schedule.entries.len(), 4);
}

#[test]
fn ha_suspend_waits_for_the_address_and_rests_without_it() {
    let now = clock::now();
    let mut suspended = service_at(1);
    suspended.ha_suspend = suspended.key.address().into_iter().collect();
    let address = suspended.key.address().unwrap();
    let mut schedule = Schedule::new(&[suspended], shared(9), now);
    schedule.handle_timeout(now + LOOP);
    let seen = drain(&mut schedule);
    assert!(
        seen.probes.is_empty() && seen.lines.is_empty(),
        "{:?}",
        seen.lines
    );
    assert_eq!(schedule.poll_timeout(), None);

    schedule.handle_address(address, true, now);
    assert_eq!(
        drain_lines(&mut schedule),
        ["Activating healthchecker for service [10.0.0.2]:tcp:80 for VS [192.168.0.1]:tcp:80"]
    );
    assert!(schedule.poll_timeout().is_some());
    schedule.handle_timeout(now + LOOP);
    schedule.handle_address(address, false, now + LOOP);
    schedule.handle_result(CheckerId(0), refused(), now + LOOP);
    assert_eq!(events(&mut schedule), [], "nothing is told while suspended");
    schedule.handle_address(address, true, now + LOOP);
    assert_eq!(events(&mut schedule), [(Some(address), Change::Down)]);
}

fn drain_lines(schedule: &mut Schedule) -> Vec<String> {
    std::iter::from_fn(|| schedule.poll_action())
        .filter_map(|action| match action {
            Action::Log(line) => Some(line.text().to_owned()),
            Action::Probe { .. } | Action::Changed(_) => None,
        })
        .collect()
}

#[test]
fn a_group_is_checked_while_one_of_its_addresses_is_here() {
    let now = clock::now();
    let addresses: [IpAddr; 2] = ["192.0.2.1", "2001:db8::1"].map(|it| it.parse().unwrap());
    let mut service = service_at(1);
    service.ha_suspend = addresses.into_iter().collect();
    let mut schedule = Schedule::new(&[service], shared(9), now);
    drain(&mut schedule);
    let elsewhere = "192.0.2.9".parse().unwrap();
    let of = "healthchecker for service [10.0.0.2]:tcp:80 for VS [192.168.0.1]:tcp:80";
    for (address, here, line) in [
        (elsewhere, true, ""),
        (addresses[0], true, "Activating"),
        (addresses[1], true, ""),
        (addresses[0], false, ""),
        (addresses[1], false, "Suspending"),
    ] {
        schedule.handle_address(address, here, now);
        let expected: Vec<String> = (!line.is_empty())
            .then(|| format!("{line} {of}"))
            .into_iter()
            .collect();
        assert_eq!(drain_lines(&mut schedule), expected, "{address} {here}");
    }
}

#[test]
fn a_shared_checker_goes_on_for_those_who_are_not_suspended() {
    let now = clock::now();
    let mut suspended = service_at(1);
    suspended.ha_suspend = suspended.key.address().into_iter().collect();
    let services = [suspended, service_at(2)];
    let mut schedule = Schedule::new(&services, shared(9), now);
    schedule.handle_timeout(now + LOOP);
    schedule.handle_result(CheckerId(0), refused(), now + LOOP);
    let other = services[1].key.address().unwrap();
    assert_eq!(events(&mut schedule), [(Some(other), Change::Down)]);
}

#[test]
fn a_probe_that_a_suspension_finds_under_way_is_not_doubled() {
    let now = clock::now();
    let mut service = service_at(1);
    let address = service.key.address().unwrap();
    service.ha_suspend = [address].into();
    let mut schedule = Schedule::new(&[service], shared(9), now);
    schedule.handle_address(address, true, now);
    let mut now = now + LOOP;
    schedule.handle_timeout(now);
    schedule.handle_result(CheckerId(0), ProbeResult::Success, now);
    now += LOOP;
    drain(&mut schedule);
    schedule.handle_timeout(now);
    assert_eq!(drain(&mut schedule).probes.len(), 1);
    schedule.handle_address(address, false, now);
    schedule.handle_address(address, true, now);
    schedule.handle_timeout(now + LOOP);
    assert_eq!(drain(&mut schedule).probes.len(), 0, "one is under way");
    schedule.handle_result(CheckerId(0), refused(), now + LOOP);
    schedule.handle_timeout(now + LOOP + LOOP);
    assert_eq!(drain(&mut schedule).probes.len(), 1, "it goes on");
}
