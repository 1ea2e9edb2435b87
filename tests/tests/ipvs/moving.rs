//! Reloads that move a virtual server from one plane to the other, with a client that never stops
//! asking.
//!
//! A request that is under way may be lost when XDP gives a service up: IPVS takes no connection in
//! the middle (`net.ipv4.vs.sloppy_tcp`). No request that begins meets nobody, either way.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use lb_tests::{
    Agent, Cluster, Layout, Mode, Namespace, Need, Outcome, Probe, configurations, needs, now,
    skipped, wait_until,
};

use crate::ipvsadm::saved;

const PATIENCE: Duration = Duration::from_mins(3);

/// What no emulated machine takes for a page, whoever else wants the processors: a request that fails
/// has been refused or cut off, and is not late.
const LIMIT: Duration = Duration::from_secs(20);

/// The interface that clients come by.
const OUTSIDE: &str = "ens33";

/// The demo's first director, with `xdp_mode`.
fn demo(mode: &str) -> String {
    let [first, _] = configurations::demo(Mode::Dr);
    let text = first.replace("lb_algo wrr", "lb_algo mh");
    format!("global_defs {{\nxdp_mode {mode}\n}}\n{text}")
}

/// The director at work; `None`: this machine cannot run the test, which has been said.
fn at_work(text: String) -> Result<Option<Cluster>> {
    if skipped(&needs::SITE) || skipped(&[Need::Ipvs, Need::Program("ipvsadm")]) {
        return Ok(None);
    }
    let mut cluster = Cluster::new(Layout::demo(Mode::Dr), [text, String::new()])?;
    cluster.start(0)?;
    // An emulated machine takes its time.
    cluster
        .agent(0)?
        .wait_for("Entering MASTER STATE", PATIENCE)?;
    cluster.wait_for_master(0)?;
    Ok(Some(cluster))
}

fn pins(director: &Namespace) -> bool {
    let folder = Path::new("/sys/fs/bpf/lb-agent").join(director.name());
    folder.exists()
}

/// Waits until IPVS has what it should, and XDP nothing, or the other way round.
fn wait_for_plane(director: &Namespace, agent: &Agent, ipvs: bool) -> Result<()> {
    let clean = || {
        let in_ipvs = !director.enter(saved).ok()?.is_empty();
        let in_xdp = director.program(OUTSIDE).ok()?.is_some();
        (in_ipvs == ipvs && in_xdp != ipvs && pins(director) != ipvs).then_some(())
    };
    wait_until(PATIENCE, clean).with_context(|| {
        let table = director.enter(saved).unwrap_or_default();
        let program = director.program(OUTSIDE);
        format!(
            "IPVS: {ipvs}: {table:?}, {program:?}, pins: {}\n{}",
            pins(director),
            agent.log()
        )
    })
}

/// The lines of `dump services` up to the connections; in what order servers stand is each plane's.
fn dumped(director: &Namespace, agent: &Agent) -> Result<Vec<String>> {
    let text = director.enter(|| agent.dump("services"))?;
    let table = text.lines().skip(1).take_while(|line| !line.is_empty());
    let words = |line: &str| {
        line.split_whitespace()
            .take(4)
            .collect::<Vec<_>>()
            .join(" ")
    };
    let mut lines: Vec<String> = table.map(words).collect();
    lines.sort_unstable();
    Ok(lines)
}

/// A client that has had its first page.
fn asking(cluster: &Cluster) -> Result<Probe> {
    let probe = Probe::within(&cluster.site.client, cluster.site.service(), LIMIT)?;
    probe.wait_for(now(), PATIENCE, |_| true)?;
    Ok(probe)
}

/// The service has moved so many times: each may have cut off the request that was under way, and the
/// next one has found somebody.
#[expect(clippy::print_stdout, reason = "what was measured")]
fn report(probe: &Probe, moves: usize) -> Result<()> {
    let report = probe.report();
    println!(
        "{} requests, {} failed, longest gap {:?}",
        report.0.len(),
        report.failures(),
        report.longest_gap()
    );
    let failed = failed(&report.0);
    ensure!(failed.len() <= moves, "{moves} moves: {failed:?}");
    let in_a_row = |it: &[Outcome]| it.iter().all(|it| it.served.is_err());
    ensure!(!report.0.windows(2).any(in_a_row), "{failed:?}");
    // What is refused has met nobody: the address is the director's, which knows no such port.
    let refused = failed.iter().filter(|why| why.contains("refused"));
    ensure!(refused.count() == 0, "{failed:?}");
    Ok(())
}

fn failed(outcomes: &[Outcome]) -> Vec<&str> {
    let errors = outcomes.iter().filter_map(|it| it.served.as_ref().err());
    errors.map(String::as_str).collect()
}

#[test]
fn a_service_goes_to_the_other_plane_and_back_and_every_request_meets_one() -> Result<()> {
    let Some(mut cluster) = at_work(demo("off"))? else {
        return Ok(());
    };
    let probe = asking(&cluster)?;
    let mut tables = Vec::new();
    for mode in ["native", "off", "auto", "off", "generic", "off"] {
        let since = now();
        cluster.agent(0)?.reload(&demo(mode))?;
        let agent = cluster.take(0)?;
        let director = &cluster.site.directors[0];
        wait_for_plane(director, &agent, mode == "off").with_context(|| mode.to_owned())?;
        probe
            .wait_for(since, PATIENCE, |_| true)
            .context("no page")?;
        tables.push(dumped(director, &agent)?);
        cluster.put(0, agent)?;
    }
    report(&probe, 6)?;
    // Both planes look the same.
    ensure!(
        tables.iter().all(|it| *it == tables[0] && it.len() > 3),
        "{tables:#?}"
    );
    drop(probe);
    let exit = cluster.take(0)?.terminate()?;
    ensure!(exit.status.success(), "{}", exit.log);
    let director = &cluster.site.directors[0];
    ensure!(director.enter(saved)?.is_empty(), "IPVS is left behind");
    ensure!(!pins(director), "pins are left behind");
    director.wait_until_free(OUTSIDE)
}

/// Two virtual servers, of which the first one moves.
fn two(mode: &str) -> String {
    let servers = "lb_algo mh\nlb_kind DR\nprotocol TCP\nreal_server 192.168.159.105 80 {\n}\n\
                   real_server 192.168.159.106 80 {\n}\n}\n";
    format!(
        "vrrp_instance VI_1 {{\nstate MASTER\ninterface ens33\nvirtual_router_id 51\n\
         priority 100\nvirtual_ipaddress {{\n192.168.159.200/24 dev ens33\n\
         192.168.159.201/24 dev ens33\n}}\n}}\n\
         virtual_server 192.168.159.200 80 {{\nxdp_mode {mode}\n{servers}\
         virtual_server 192.168.159.201 80 {{\n{servers}"
    )
}

#[test]
fn one_virtual_server_moves_and_its_neighbour_does_not_notice() -> Result<()> {
    let Some(mut cluster) = at_work(two("off"))? else {
        return Ok(());
    };
    for server in &cluster.site.servers {
        server.ip("address add 192.168.159.201/32 dev lo")?;
    }
    let moves = asking(&cluster)?;
    let neighbour = ([192, 168, 159, 201], 80).into();
    let stays = Probe::patient(&cluster.site.client, neighbour)?;
    stays.wait_for(now(), PATIENCE, |_| true)?;
    let before = stays.report().0.len();
    for (mode, lines) in [("auto", 0), ("off", 3), ("native", 0), ("off", 3)] {
        let since = now();
        cluster.agent(0)?.reload(&two(mode))?;
        let director = &cluster.site.directors[0];
        let there = || (director.enter(saved).ok()?.len() == lines).then_some(());
        wait_until(PATIENCE, there).with_context(|| mode.to_owned())?;
        moves.wait_for(since, PATIENCE, |_| true)?;
        ensure!(
            director.program(OUTSIDE)?.is_some(),
            "the neighbour is with XDP"
        );
    }
    report(&moves, 4)?;
    let report = stays.report();
    let after = failed(&report.0[before..]);
    ensure!(after.is_empty(), "{after:?}");
    Ok(())
}

#[test]
fn what_the_interface_refuses_stays_with_ipvs_or_is_refused() -> Result<()> {
    let Some(mut cluster) = at_work(demo("off"))? else {
        return Ok(());
    };
    lb_tests::load(&cluster.site.directors[0], OUTSIDE, "pass")?;
    let probe = asking(&cluster)?;
    let why = "another XDP program is attached there";
    // As at the start: nobody could carry it.
    let agent = cluster.take(0)?;
    agent.rewrite(&demo("native"))?;
    let told = agent.tell("reload")?;
    ensure!(
        told.status != Some(0) && told.error.contains(why),
        "{told:?}"
    );
    ensure!(agent.log().contains("everything goes on as it was"));
    // For who leaves it open there is IPVS.
    agent.reload(&demo("auto"))?;
    let director = &cluster.site.directors[0];
    let dump = || director.enter(|| agent.dump("services"));
    let shown = wait_until(PATIENCE, || {
        let dump = dump().ok()?;
        (dump.contains("IPVS") && dump.contains(why)).then_some(())
    });
    ensure!(shown.is_some(), "{}\n{}", dump()?, agent.log());
    ensure!(
        agent
            .log()
            .contains("is served by the kernel's IPVS: cannot attach to ens33")
    );
    ensure!(director.enter(saved)?.len() == 3);
    director.ip("link set dev ens33 xdp off")?;
    agent.reload(&demo("native"))?;
    wait_for_plane(director, &agent, false)?;
    report(&probe, 1)?;
    drop(probe);
    agent.terminate()?;
    Ok(())
}
