use super::*;
use crate::net::ipvs::golden::{plain, server, web};
use crate::net::ipvs::{Forwarding, Tunnel};

fn text(change: &Change, errno: Errno) -> String {
    let refusal = NetlinkError::Refused {
        what: change.to_string(),
        errno,
        explanation: None,
    };
    IpvsError::refused(change, refusal).to_string()
}

#[test]
fn a_refusal_says_what_it_means_and_what_to_do() {
    let service = || plain(web(), "twos");
    let cases = [
        (
            Change::NewService(service()),
            Errno::ENOENT,
            "cannot add virtual service TCP 192.0.2.1:80 to IPVS: No such file or directory; the \
             kernel has no scheduler twos: try `modprobe ip_vs_twos`",
        ),
        (
            Change::NewService(service()),
            Errno::EEXIST,
            "cannot add virtual service TCP 192.0.2.1:80 to IPVS: File exists; somebody else has \
             made it meanwhile: see `ipvsadm -Ln`",
        ),
        (
            Change::DeleteService(web()),
            Errno::ESRCH,
            "cannot remove virtual service TCP 192.0.2.1:80 from IPVS: No such process; the \
             service is gone: somebody else has removed it",
        ),
        (
            Change::NewDestination(web(), server("fd00::1", 80, Forwarding::Route, 1)),
            Errno::EINVAL,
            "cannot add server [fd00::1]:80 to virtual service TCP 192.0.2.1:80 in IPVS: Invalid \
             argument; IPVS takes a server of the other family only with lb_kind TUN",
        ),
        (
            Change::NewDestination(
                web(),
                server("fd00::1", 80, Forwarding::Tunnel(Tunnel::IpIp), 1),
            ),
            Errno::EINVAL,
            "cannot add server [fd00::1]:80 to virtual service TCP 192.0.2.1:80 in IPVS: Invalid \
             argument; IPVS takes no server of the other family while a sync daemon runs",
        ),
        (
            Change::Flush,
            Errno::EPERM,
            "cannot empty IPVS's tables: Operation not permitted; run as root or with \
             CAP_NET_ADMIN",
        ),
    ];
    for (change, errno, expected) in cases {
        assert_eq!(text(&change, errno), expected);
    }
}

#[test]
fn a_missing_engine_is_spoken_of_where_one_is_asked_for() {
    let mut service = plain(web(), "rr");
    service.engine = Some("sip".to_owned());
    let text = text(&Change::SetService(service), Errno::ENOENT);
    assert!(text.contains("modprobe ip_vs_pe_sip"), "{text}");
}
