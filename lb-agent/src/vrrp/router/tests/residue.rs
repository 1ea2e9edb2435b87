//! What an agent that was killed has left.

use super::*;
use crate::config::model::UseVmac;

fn killed_as_master(setup: &Setup) -> (Vec<Link>, Vec<Address>) {
    let mut bench = Bench::master(setup.clone());
    let kernel = bench.kernel();
    (kernel.links.clone(), kernel.addresses.clone())
}

#[test]
fn addresses_and_vmacs_go_and_nothing_is_started_or_sent() {
    let setup = Setup::from(vec![VrrpInstance {
        use_vmac: Some(UseVmac::default()),
        ..config()
    }]);
    let (links, addresses) = killed_as_master(&setup);
    let vip = on(100 + ETH0.index, "10.0.0.100/32");
    assert!(addresses.contains(&vip));
    let mut bench = Bench::new(setup);
    (bench.kernel().links, bench.kernel().addresses) = (links, addresses);
    bench.router.remove_residual(bench.now);
    let seen = bench.journal.take();
    assert!(seen.contains(&Seen::Removed(vip)), "{seen:?}");
    assert!(
        seen.contains(&Seen::LinkRemoved("vrrp.51".into())),
        "{seen:?}"
    );
    let starts = |it: &Seen| {
        matches!(
            it,
            Seen::Advert { .. } | Seen::Opened { .. } | Seen::Changed(_)
        )
    };
    assert!(!seen.iter().any(starts), "{seen:?}");
    assert_eq!(bench.router.poll_timeout(), None);
}

#[test]
fn an_address_that_adverts_are_sent_from_stays() {
    let owner = VrrpInstance {
        priority: 255,
        virtual_ipaddress: vec![virtual_address("10.0.0.1/24", "eth0")],
        ..config()
    };
    let mut bench = Bench::new(vec![owner]);
    bench.router.remove_residual(bench.now);
    let removed = |it: &Seen| matches!(it, Seen::Removed(_));
    assert!(!bench.journal.take().iter().any(removed));
}

#[test]
fn the_program_that_is_attached_brings_the_addresses() {
    let mut setup = Setup::from(vec![config()]);
    setup.instances[0].xdp_attach_master = true;
    let mut bench = Bench::started(setup);
    bench.pass(Duration::from_millis(3700));
    assert_eq!(bench.states(), [State::Master]);
    let sets = |it: &Seen| matches!(it, Seen::Added(_) | Seen::Frame { .. });
    let seen = bench.journal.take();
    // A probe with the first advert is none of ours.
    let added = |it: &Seen| matches!(it, Seen::Added(_));
    assert!(!seen.iter().any(added), "{seen:?}");
    bench.router.handle_attached("VI_9", bench.now);
    assert!(!bench.journal.take().iter().any(sets), "another instance");
    bench.router.handle_attached("VI_1", bench.now);
    assert!(bench.journal.take().iter().any(added));
}
