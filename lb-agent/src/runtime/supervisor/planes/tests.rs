use super::*;
use crate::config::{Memory, load};
use crate::dataplane::xdp::gate::Numbers;
use crate::runtime::supervisor::network::Network;

/// Only IPVS may carry it.
const OFF: &str = "virtual_server 192.0.2.1 80 {\nxdp_mode off\nlb_algo rr\nlb_kind DR\n\
                   protocol TCP\nreal_server 192.0.2.2 80 {\n}\n}\n";

#[test]
fn a_module_that_was_tried_for_a_reload_counts_for_no_other() {
    // Where IPVS is, no module has to be loaded, and its tables are no matter of this test.
    if net::ipvs::Ipvs::is_loaded() {
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
