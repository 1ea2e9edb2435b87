use std::time::Duration;

use lb_common::service::{ServiceKey4, UDP};

use super::*;
use crate::dataplane::desired::Persistence as CommonPersistence;

#[test]
fn what_xdp_is_given_can_be_given_to_ipvs() {
    let server = |last: u8, method| common::Server {
        method,
        weight: last.into(),
        sorry: last == 3,
        ..common::Server::new([10, 0, 0, last].into(), 53)
    };
    let service = common::Service {
        scheduler: model::Scheduler::Wrr,
        persistence: Some(CommonPersistence {
            timeout: Duration::from_secs(50),
            mask: [255, 255, 255, 0].into(),
        }),
        // XDP's list begins with what was added last.
        servers: vec![
            server(3, model::Forwarding::Tun),
            server(2, model::Forwarding::Nat),
            server(1, model::Forwarding::Dr),
        ],
        ..common::Service::new(ServiceKey4::new([192, 0, 2, 1].into(), 53, UDP))
    };
    let desired = Desired::from(&common::Desired {
        services: vec![service],
    });
    let [service] = &desired.services[..] else {
        panic!("one in, one out");
    };
    let settings = &service.settings;
    assert_eq!(settings.key.to_string(), "UDP 192.0.2.1:53");
    assert_eq!(settings.scheduler, "wrr");
    let persistence = Persistence {
        timeout: 50,
        granularity: Granularity::Mask([255, 255, 255, 0].into()),
    };
    assert_eq!(settings.persistence, Some(persistence));
    let servers: Vec<_> = service
        .servers
        .iter()
        .map(|it| {
            let to = it.destination;
            (to.key.to_string(), to.forwarding, to.weight, it.sorry)
        })
        .collect();
    assert_eq!(
        servers,
        [
            ("10.0.0.1:53".to_owned(), Forwarding::Route, 1, false),
            ("10.0.0.2:53".to_owned(), Forwarding::Masquerade, 2, false),
            (
                "10.0.0.3:53".to_owned(),
                Forwarding::Tunnel(Tunnel::IpIp),
                3,
                true
            ),
        ]
    );
}
