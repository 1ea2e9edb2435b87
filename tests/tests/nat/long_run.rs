//! Traffic, health checks and connections that are nobody's service, side by side for longer than
//! it takes to remove a server.

use std::net::Ipv4Addr;
use std::thread::sleep;
use std::time::Duration;

use anyhow::{Context, Result};
use lb_tests::http::get;
use lb_tests::{Cluster, Layout, Mode, WebServer, configurations, needs, now, skipped};

/// `delay_loop` and `retry` of [`checked`]: so long does a server that does not answer stay, and
/// a second more for each try that is waited for.
const DELAY_LOOP: u32 = 2;
const RETRY: u32 = 2;

/// Time for a connection that has nothing in its way.
const LIMIT: Duration = Duration::from_secs(2);

/// A second address of the client: its connections to a real server itself cannot have the ports
/// of those to the service, which nobody could tell apart on their way back.
const OTHER: Ipv4Addr = Ipv4Addr::new(192, 168, 159, 51);

#[test]
fn checks_of_nat_servers_never_fail_while_the_director_is_master() -> Result<()> {
    if skipped(&needs::SITE) {
        return Ok(());
    }
    let (mut cluster, _web) = at_work()?;
    let probe = cluster.patient_probe()?;
    let outwards = (cluster.site.layout.client, 80).into();
    let length = Duration::from_secs(u64::from(DELAY_LOOP * (RETRY + 1)) * 2);
    let end = now() + length;
    while now() < end {
        for (machine, address) in cluster.site.servers.iter().zip(cluster.site.layout.servers) {
            // The answer has the address and the port of a service's server.
            let client = &cluster.site.client;
            let page = client.enter(|| get((address, 80).into(), Some(OTHER.into()), LIMIT));
            let page = page.context("no connection to a real server's own address")?;
            assert_eq!(page.server, machine.label());
            let page = machine.enter(|| get(outwards, None, LIMIT));
            let page = page.context("no connection from a real server to somebody else")?;
            assert_eq!(page.server, "client");
        }
        sleep(Duration::from_millis(200));
    }
    let mut outcomes = probe.report().0;
    let all = outcomes.len();
    outcomes.retain(|outcome| outcome.served.is_err());
    // On a busy machine an answer may take longer than the probe waits.
    assert!(outcomes.len() * 100 <= all, "of {all}: {outcomes:?}");
    let log = cluster.agent(0)?.log();
    assert!(!log.contains("Removing service"), "{log}");
    assert!(!log.contains("failed"), "{log}");
    let services = cluster.agent(0)?.dump("services")?;
    assert_eq!(
        services.matches("-> 192.168.160.10").count(),
        2,
        "{services}"
    );
    Ok(())
}

/// The demo in NAT mode with the first director as MASTER, both servers checked by `HTTP_GET`, and a
/// web server beside the client.
fn at_work() -> Result<(Cluster, WebServer)> {
    let [first, second] = configurations::demo(Mode::Nat);
    let layout = Layout::demo(Mode::Nat);
    let mut cluster = Cluster::new(layout, [checked(&first)?, second])?;
    let site = &cluster.site;
    let [director, _] = layout.outside.directors;
    site.client
        .ip(&format!("address add {OTHER}/24 dev eth0"))?;
    site.client
        .ip(&format!("route add 192.168.160.0/24 via {director}"))?;
    let web = WebServer::start(&site.client, "client", 200)?;
    cluster.start(0)?;
    cluster.wait_for_master(0)?;
    Ok((cluster, web))
}

/// The configuration with quick checks of both servers by `HTTP_GET`.
fn checked(configuration: &str) -> Result<String> {
    let (head, _) = configuration
        .split_once("virtual_server")
        .context("no virtual_server")?;
    let server = |host: u32| {
        format!(
            "real_server 192.168.160.{host} 80 {{\n weight 1\n HTTP_GET {{\n url {{\n path /\n \
             status_code 200\n }}\n connect_timeout 1\n retry {RETRY}\n delay_before_retry 1\n \
             }}\n}}\n"
        )
    };
    Ok(format!(
        "{head}virtual_server 192.168.159.200 80 {{\n delay_loop {DELAY_LOOP}\n lb_algo rr\n \
         lb_kind NAT\n protocol TCP\n {}{}}}\n",
        server(105),
        server(106)
    ))
}
