use super::*;
use crate::config::{Memory, load};
use crate::dataplane::choice::Carrier;
use crate::dataplane::xdp::gate::Numbers;
use crate::net::route::Route;
use crate::runtime::supervisor::network::Network;

/// Only IPVS may carry it.
const OFF: &str = "virtual_server 192.0.2.1 80 {\nxdp_mode off\nlb_algo rr\nlb_kind DR\n\
                   protocol TCP\nreal_server 192.0.2.2 80 {\n}\n}\n";

#[test]
fn a_module_that_was_tried_for_a_reload_counts_for_no_other() {
    // Where IPVS is, no module has to be loaded, and its tables are no matter of this test.
    if net::ipvs::Ipvs::is_loaded() {
        println!("skipped: IPVS is loaded in this kernel");
        return;
    }
    let of = |text: &str| load(&Memory::default().with("/main", text), "/main".as_ref()).config;
    let (director, _) = Director::new(of(""), &Numbers::default());
    let mut network = Network::open().unwrap();
    let mut planes = Planes::new("of-a-test");
    for outcome in [None, Some(Err("there is none".to_owned()))] {
        let was_tried = outcome.is_some();
        planes.note_module(outcome);
        let ready = planes.prepare(&of(OFF), &director, &mut network);
        match ready {
            Err(Unready::Module) => assert!(!was_tried, "it is loaded first"),
            Err(Unready::Refused(why)) => {
                assert!(was_tried && why.contains("there is none"), "{why}");
            }
            Ok(()) => panic!("nobody carries it"),
        }
        assert_eq!((&planes.loaded, &planes.no_ipvs), (&None, &None));
    }
}

#[test]
fn while_ipvs_is_being_loaded_nobody_is_given_to_it() {
    let text = "virtual_server 192.0.2.1 80 {\nlb_algo rr\nlb_kind NAT\nprotocol TCP\n\
                real_server 192.0.2.2 8080 {\n}\n}\n";
    let config = load(&Memory::default().with("/main", text), "/main".as_ref()).config;
    let (mut director, _) = Director::new(config, &Numbers::default());
    director.choose(Ok(()), Ok(()));
    // The server turns out to be this host, on another port: IPVS would be the better one.
    let local = Route {
        index: 1,
        gateway: None,
        source: None,
        local: true,
        mtu: None,
    };
    let server = "192.0.2.2".parse().unwrap();
    director
        .hops()
        .handle_route(server, Ok(local), clock::now());
    let carrier = |director: &Director| director.choices().next().map(|(_, it)| it.carrier);
    let mut planes = Planes::new("of-a-test");
    assert!(!planes.choose_anew(&mut director));
    assert_eq!(carrier(&director), Some(Carrier::Xdp));
    planes.no_ipvs = Some("there is none".to_owned());
    assert!(planes.choose_anew(&mut director), "it is served without");
    assert_eq!(carrier(&director), Some(Carrier::Xdp));
    assert!(!planes.choose_anew(&mut director), "nothing is new");
}
