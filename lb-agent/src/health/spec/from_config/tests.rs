//! Which checks of a file are one.

use std::path::Path;

use super::*;
use crate::config::{Memory, load};
use crate::health::schedule::{Schedule, Settings};
use crate::runtime::clock;

/// A file whose only service has the real servers `servers`, all with `check`.
fn services_of(servers: &[&str], check: &str) -> Vec<Service> {
    let servers: Vec<String> = servers
        .iter()
        .map(|server| format!("real_server {server} {{\n{check}\n}}\n"))
        .collect();
    let text = format!(
        "track_file f {{\nfile /etc/hostname\n}}\nbfd_instance b {{\nneighbor_ip 10.0.0.9\n}}\n\
         virtual_server 192.168.0.1 443 {{\nprotocol TCP\nlb_kind NAT\n{}}}\n",
        servers.concat()
    );
    let name = Path::new("/a.conf");
    let loaded = load(&Memory::default().with(name, text.as_bytes()), name);
    let tls = Arc::new(TlsClient::without_files());
    services(&loaded.config, &tls, &|_command| (User::own(), None))
}

/// How many checkers have the probe of each checker.
fn shared_by(services: &[Service]) -> Vec<usize> {
    let settings = Settings {
        limit: 9,
        seed: 0,
        share: true,
    };
    let now = clock::now();
    let status = Schedule::new(services, settings, now).status(now);
    status.iter().map(|checker| checker.shared_by).collect()
}

#[test]
fn a_port_that_is_no_part_of_the_question_makes_no_other_question() {
    for (check, together) in [
        ("PING_CHECK {\n}", true),
        ("MISC_CHECK {\nmisc_path /bin/true\n}", true),
        ("FILE_CHECK {\ntrack_file f\n}", true),
        ("BFD_CHECK {\nname b\n}", true),
        ("TCP_CHECK {\n}", false),
        ("HTTP_GET {\nurl {\npath /\n}\n}", false),
        ("SSL_GET {\nurl {\npath /\n}\n}", false),
        ("SMTP_CHECK {\n}", false),
        ("DNS_CHECK {\n}", false),
        ("UDP_CHECK {\n}", false),
        // Whoever gives it a port asks the same port twice.
        ("TCP_CHECK {\nconnect_port 80\n}", true),
    ] {
        let services = services_of(&["10.0.0.2 443", "10.0.0.2 8443"], check);
        let expected = if together { [2, 2] } else { [1, 1] };
        assert_eq!(shared_by(&services), expected, "{check}");
    }
}

#[test]
fn what_asks_no_server_is_one_for_all_servers_and_an_echo_request_is_not() {
    for (check, together) in [
        ("MISC_CHECK {\nmisc_path /bin/true\n}", true),
        ("FILE_CHECK {\ntrack_file f\n}", true),
        ("BFD_CHECK {\nname b\n}", true),
        ("PING_CHECK {\n}", false),
    ] {
        let services = services_of(&["10.0.0.2 443", "10.0.0.3 443"], check);
        let expected = if together { [2, 2] } else { [1, 1] };
        assert_eq!(shared_by(&services), expected, "{check}");
    }
}

#[test]
fn where_an_echo_request_comes_from_is_part_of_the_question() {
    let checks = "PING_CHECK {\n}\nPING_CHECK {\nfwmark 7\n}\nPING_CHECK {\nconnect_timeout 2\n}";
    let services = services_of(&["10.0.0.2 443", "10.0.0.2 8443"], checks);
    assert_eq!(shared_by(&services), [2; 6]);
    let mut questions: Vec<String> = services
        .iter()
        .flat_map(|service| &service.servers)
        .flat_map(|server| &server.checks)
        .map(|check| format!("{:?}", check.question))
        .collect();
    questions.sort_unstable();
    questions.dedup();
    assert_eq!(questions.len(), 3);
}

/// A script that wants a weight of its servers wants it of each in its own terms.
#[test]
fn a_shared_script_is_still_told_of_under_every_server() {
    let services = services_of(
        &["10.0.0.2 443", "10.0.0.3 443"],
        "MISC_CHECK {\nmisc_path /bin/true\nmisc_dynamic\n}",
    );
    let settings = Settings {
        limit: 9,
        seed: 0,
        share: true,
    };
    let now = clock::now();
    let status = Schedule::new(&services, settings, now).status(now);
    let names: Vec<String> = status.iter().map(|it| it.real_server.to_string()).collect();
    assert_eq!(names, ["[10.0.0.2]:tcp:443", "[10.0.0.3]:tcp:443"]);
    assert!(status.iter().all(|it| it.asks == "/bin/true"));
}
