use super::*;

fn candidate(name: &str, address: &str, mode: XdpMode) -> Candidate {
    Candidate {
        name: name.to_owned(),
        addresses: address
            .split_whitespace()
            .map(|it| it.parse().unwrap())
            .collect(),
        mode,
        cannot: Vec::new(),
        lacks: Vec::new(),
    }
}

fn unfit(candidate: Candidate) -> Candidate {
    Candidate {
        cannot: vec!["no".to_owned()],
        ..candidate
    }
}

fn lacking(candidate: Candidate) -> Candidate {
    Candidate {
        lacks: vec!["ops".to_owned()],
        ..candidate
    }
}

const THERE: Result<(), &str> = Ok(());
const MISSING: Result<(), &str> = Err("this kernel has no IPVS");

#[test]
fn every_mode_has_its_carrier_with_and_without_ipvs() {
    use Carrier::{Ipvs, None, Xdp};
    let auto = || candidate("a", "10.0.0.1", XdpMode::Auto);
    let off = || candidate("a", "10.0.0.1", XdpMode::Off);
    let native = || candidate("a", "10.0.0.1", XdpMode::Native);
    for (candidate, with, without) in [
        (auto(), Xdp, Xdp),
        (unfit(auto()), Ipvs, None),
        (lacking(auto()), Ipvs, Xdp),
        (unfit(lacking(auto())), Ipvs, None),
        (off(), Ipvs, None),
        (native(), Xdp, Xdp),
        (lacking(native()), Xdp, Xdp),
        (unfit(native()), None, None),
        (unfit(candidate("a", "", XdpMode::Generic)), None, None),
    ] {
        let found = |ipvs| choose(std::slice::from_ref(&candidate), ipvs)[0].clone();
        assert_eq!(found(THERE).carrier, with, "{candidate:?}");
        assert_eq!(found(MISSING).carrier, without, "{candidate:?}");
        // Whatever is not plain XDP has its reason.
        for choice in [found(THERE), found(MISSING)] {
            assert!(
                choice == Choice::XDP || !choice.reasons.is_empty(),
                "{choice:?}"
            );
        }
    }
}

#[test]
fn what_is_missing_is_said_last() {
    let auto = unfit(candidate("a", "10.0.0.1", XdpMode::Auto));
    assert_eq!(
        choose(&[auto], MISSING)[0].reasons,
        ["no", "this kernel has no IPVS"]
    );
}

#[test]
fn one_address_is_never_with_both_however_far_it_spreads() {
    use Carrier::{Ipvs, None, Xdp};
    let all = [
        candidate("web", "10.0.0.1", XdpMode::Auto),
        candidate("group", "10.0.0.2 10.0.0.3", XdpMode::Auto),
        candidate("mail", "10.0.0.1 10.0.0.2", XdpMode::Auto),
        candidate("dns", "10.0.0.3", XdpMode::Native),
        candidate("other", "10.0.0.9", XdpMode::Auto),
        unfit(candidate("all ports", "10.0.0.1", XdpMode::Auto)),
    ];
    let carriers = |ipvs| {
        let choices = choose(&all, ipvs);
        choices.iter().map(|it| it.carrier).collect::<Vec<_>>()
    };
    assert_eq!(carriers(THERE), [Ipvs, Ipvs, Ipvs, None, Xdp, Ipvs]);
    assert_eq!(carriers(MISSING), [Xdp, Xdp, Xdp, Xdp, Xdp, None]);
    let choices = choose(&all, THERE);
    assert_eq!(
        choices[0].reasons,
        ["IPVS serves all ports, which has the same address: one address is never with both"]
    );
}
