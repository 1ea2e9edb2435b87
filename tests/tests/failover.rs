//! What clients notice when a server or a director goes and comes back.

use std::thread::sleep;
use std::time::Duration;

use anyhow::{Context as _, Result};
use lb_tests::{
    Cluster, Layout, Mode, PATIENCE, WebServer, configurations, needs, now, skipped, wait_until,
};

/// Until director 2 (priority 80, an advert a second) misses the master: three adverts and the
/// skew time, (256 - 80) / 256 s (RFC 3768, 6.1).
const MASTER_DOWN: Duration = Duration::from_micros(3_687_500);

const SECOND: Duration = Duration::from_secs(1);

/// The demo's directors at work.
fn demo(mode: Mode) -> Result<Cluster> {
    Cluster::at_work(Layout::demo(mode), configurations::demo(mode))
}

#[test]
fn a_server_that_fails_leaves_and_one_that_recovers_returns() -> Result<()> {
    if skipped(&needs::SITE) {
        return Ok(());
    }
    let mut cluster = demo(Mode::Dr)?;
    let [server, _] = cluster.site.layout.servers;
    cluster.site.web[0] = None;
    let left = now();
    cluster
        .agent(0)?
        .wait_for(&format!("Removing service [{server}]:tcp:80"), PATIENCE)?;
    // The look itself (6 s apart), 3 retries a second apart, and a time-out of one second.
    assert!(left.elapsed() < 11 * SECOND, "it took {:?}", left.elapsed());
    let tally = cluster.requests(100)?;
    assert_eq!(tally.failures, Vec::<String>::new());
    assert_eq!(tally.from("rs2"), 100);

    cluster.site.web[0] = Some(WebServer::start(&cluster.site.servers[0], "rs1", 200)?);
    cluster
        .agent(0)?
        .wait_for(&format!("Adding service [{server}]:tcp:80"), PATIENCE)?;
    let tally = cluster.requests(100)?;
    assert_eq!(tally.failures, Vec::<String>::new());
    assert!(tally.from("rs1").abs_diff(50) <= 2, "{tally:?}");
    Ok(())
}

#[test]
fn with_no_server_left_the_sorry_server_on_the_director_answers() -> Result<()> {
    if skipped(&needs::SITE) {
        return Ok(());
    }
    let mut cluster = demo(Mode::Dr)?;
    let _sorry = WebServer::start(&cluster.site.directors[0], "sorry", 200)?;
    cluster.site.web = [None, None];
    cluster
        .agent(0)?
        .wait_for("Adding sorry server", PATIENCE)?;
    let tally = cluster.requests(20)?;
    assert_eq!(tally.failures, Vec::<String>::new());
    assert_eq!(tally.from("sorry"), 20);
    Ok(())
}

#[test]
fn with_no_server_left_a_sorry_server_elsewhere_answers_in_every_mode() -> Result<()> {
    if skipped(&needs::SITE) {
        return Ok(());
    }
    for mode in Mode::ALL {
        let layout = Layout::demo(mode);
        let [_, sorry] = layout.servers;
        // The second server of the tutorial is the sorry server of the first.
        let [text, other] = configurations::demo(mode);
        let text = text.replace(
            "sorry_server 127.0.0.1 80",
            &format!("sorry_server {sorry} 80"),
        );
        let (before, rest) = text
            .split_once(&format!("real_server {sorry} 80 {{"))
            .context("there is no second server")?;
        let (_, after) = rest
            .split_once("}\n          }\n")
            .context("it has no end")?;
        let mut cluster = Cluster::at_work(layout, [format!("{before}{after}"), other])?;
        let tally = cluster.requests(20)?;
        assert_eq!(tally.from("rs1"), 20, "{mode}: {tally:?}");
        cluster.site.web[0] = None;
        cluster
            .agent(0)?
            .wait_for("Adding sorry server", PATIENCE)?;
        let tally = cluster.requests(20)?;
        assert_eq!(tally.failures, Vec::<String>::new(), "{mode}");
        assert_eq!(tally.from("rs2"), 20, "{mode}: {tally:?}");
    }
    Ok(())
}

#[test]
fn clients_wait_less_than_a_second_when_the_master_is_stopped() -> Result<()> {
    if skipped(&needs::SITE) {
        return Ok(());
    }
    for mode in Mode::ALL {
        let mut cluster = demo(mode)?;
        let probe = cluster.probe()?;
        let exit = cluster.take(0)?.terminate()?;
        assert!(exit.status.success(), "{}\n{}", exit.status, exit.log);
        cluster.wait_for_master(1)?;
        probe.wait_for(now(), PATIENCE, |_| true)?;
        let gap = probe.report().longest_gap();
        assert!(gap < SECOND, "{mode}: clients waited {gap:?}");
        assert_eq!(cluster.masters()?.len(), 1);
        let [stopped, _] = &cluster.site.directors;
        // The kernel lets go of it a moment after it was told to.
        let free = || (!stopped.ip("link show").ok()?.contains("xdp")).then_some(());
        wait_until(PATIENCE, free)
            .with_context(|| format!("{mode}: the program is still attached"))?;
        let pins = format!("/sys/fs/bpf/lb-agent/{}", stopped.name());
        assert!(
            !std::path::Path::new(&pins).exists(),
            "{pins} is still there"
        );
    }
    Ok(())
}

#[test]
fn after_kill_9_clients_wait_no_longer_than_the_backup_does() -> Result<()> {
    if skipped(&needs::SITE) {
        return Ok(());
    }
    for mode in Mode::ALL {
        let mut cluster = demo(mode)?;
        let probe = cluster.probe()?;
        cluster.take(0)?.kill()?;
        cluster.wait_for_master(1)?;
        probe.wait_for(now(), PATIENCE, |_| true)?;
        let gap = probe.report().longest_gap();
        assert!(gap < MASTER_DOWN + SECOND, "{mode}: clients waited {gap:?}");
    }
    Ok(())
}

#[test]
fn when_the_master_loses_power_clients_wait_no_longer_than_the_backup_does() -> Result<()> {
    if skipped(&needs::SITE) {
        return Ok(());
    }
    let mut cluster = demo(Mode::Dr)?;
    let probe = cluster.probe()?;
    cluster.site.outside.unplug(&cluster.site.directors[0])?;
    cluster.take(0)?.kill()?;
    cluster.wait_for_master(1)?;
    probe.wait_for(now(), PATIENCE, |_| true)?;
    let gap = probe.report().longest_gap();
    assert!(
        gap > SECOND,
        "the master cannot have been away: clients waited {gap:?}"
    );
    assert!(gap < MASTER_DOWN + SECOND, "clients waited {gap:?}");
    Ok(())
}

#[test]
fn a_returning_master_of_higher_priority_takes_over_again() -> Result<()> {
    if skipped(&needs::SITE) {
        return Ok(());
    }
    for mode in Mode::ALL {
        let mut cluster = demo(mode)?;
        cluster.take(0)?.kill()?;
        cluster.wait_for_master(1)?;
        let probe = cluster.probe()?;
        cluster.start(0)?;
        cluster.wait_for_master(0)?;
        let lost = "Master received advert from 192.168.159.103 with higher priority 100, ours 80";
        cluster.agent(1)?.wait_for(lost, PATIENCE)?;
        probe.wait_for(now(), PATIENCE, |_| true)?;
        let gap = probe.report().longest_gap();
        assert!(gap < SECOND, "{mode}: clients waited {gap:?}");
        // The line stands in the log before the address goes.
        let one = || (cluster.masters().ok()?.len() == 1).then_some(());
        wait_until(PATIENCE, one).context("there are two masters")?;
        let masters = cluster.masters()?;
        assert_eq!(masters[0].label(), "director1", "{mode}");
    }
    Ok(())
}

#[test]
fn with_nopreempt_a_returning_master_stays_backup() -> Result<()> {
    if skipped(&needs::SITE) {
        return Ok(());
    }
    // The tutorial has the keyword in a comment; it asks for the state BACKUP.
    let [first, second] = configurations::demo(Mode::Dr);
    let first = first
        .replace("#nopreempt", "nopreempt")
        .replace("state MASTER", "state BACKUP");
    let mut cluster = Cluster::at_work(Layout::demo(Mode::Dr), [first, second])?;
    cluster.take(0)?.kill()?;
    cluster.wait_for_master(1)?;
    let probe = cluster.patient_probe()?;
    cluster.start(0)?;
    cluster
        .agent(0)?
        .wait_for("Entering BACKUP STATE", PATIENCE)?;
    sleep(MASTER_DOWN + SECOND);
    assert!(!cluster.agent(0)?.log().contains("Entering MASTER STATE"));
    let masters = cluster.masters()?;
    assert_eq!(masters.len(), 1, "{masters:?}");
    assert_eq!(masters[0].label(), "director2");
    assert_eq!(probe.report().failures(), 0);
    Ok(())
}
