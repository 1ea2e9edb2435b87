//! `lb-agent run` with IPVS as its data plane.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use lb_tests::{Agent, Layout, Mode, Namespace, Site, configurations, now, skipped, wait_until};

use crate::ipvsadm::{ipvsadm, saved};
use crate::machine;

const PATIENCE: Duration = Duration::from_mins(1);

/// A virtual server without VRRP.
pub(crate) const PLAIN: &str = "global_defs {\nxdp_mode off\n}\n\
     virtual_server 192.0.2.1 80 {\nlb_algo rr\nlb_kind DR\nprotocol TCP\n\
     real_server 10.0.0.1 80 {\n}\nreal_server 10.0.0.2 80 {\nweight 3\n}\n}\n";

/// What `ipvsadm -Sn` says of [`PLAIN`].
pub(crate) const PLAIN_SAVED: [&str; 3] = [
    "-A -t 192.0.2.1:80 -s rr",
    "-a -t 192.0.2.1:80 -r 10.0.0.1:80 -g -w 1",
    "-a -t 192.0.2.1:80 -r 10.0.0.2:80 -g -w 3",
];

/// Waits until the table of `machine` is this; the lines in their order.
pub(crate) fn wait_for(machine: &Namespace, lines: &[&str]) -> Result<()> {
    let found = || machine.enter(saved).map(|it| it.into_iter().collect());
    let as_wanted = || {
        let found: Vec<String> = found().ok()?;
        (found == lines).then_some(())
    };
    let waited = wait_until(PATIENCE, as_wanted);
    waited.with_context(|| format!("the table is {:?}", found().unwrap_or_default()))
}

/// An agent at work on a machine of its own; `None`: this machine cannot run the test.
fn at_work(text: &str) -> Result<Option<(Agent, Namespace)>> {
    let Some(machine) = machine()? else {
        return Ok(None);
    };
    machine.ip("link set lo up")?;
    let agent = Agent::start(&machine, text)?;
    Ok(Some((agent, machine)))
}

#[test]
fn an_emptied_table_is_repaired_within_a_second_and_said() -> Result<()> {
    let Some((mut agent, machine)) = at_work(PLAIN)? else {
        return Ok(());
    };
    wait_for(&machine, &PLAIN_SAVED)?;
    // A machine that is busy may give the agent no turn for a second, but not most of the time.
    let mut took = Vec::new();
    for _ in 0..10 {
        machine.enter(|| ipvsadm("-C"))?;
        let since = now();
        let repaired = wait_until(PATIENCE, || {
            let found = machine.enter(saved).ok()?;
            (found.len() == PLAIN_SAVED.len()).then_some(())
        });
        ensure!(repaired.is_some(), "{}", agent.log());
        took.push(since.elapsed());
    }
    let in_time = took.iter().filter(|it| **it <= Duration::from_secs(1));
    ensure!(
        in_time.count() > 5,
        "mostly not within a second: {took:?}\n{}",
        agent.log()
    );
    agent.wait_for(
        "somebody has removed virtual service TCP 192.0.2.1:80 from IPVS: putting it right",
        PATIENCE,
    )?;
    agent.wait_for("IPVS is as it should be again", PATIENCE)?;
    wait_for(&machine, &PLAIN_SAVED)?;
    // What others have made meanwhile stays, also at the end.
    machine.enter(|| ipvsadm("-A -t 192.0.2.9:80 -s lc"))?;
    let exit = agent.terminate()?;
    ensure!(exit.status.success(), "{}", exit.log);
    wait_for(&machine, &["-A -t 192.0.2.9:80 -s lc"])
}

#[test]
fn the_next_agent_adopts_what_a_killed_one_has_left_and_takes_out_what_went() -> Result<()> {
    let two = format!(
        "{PLAIN}virtual_server 192.0.2.2 80 {{\nlb_algo rr\nlb_kind DR\nprotocol TCP\n\
         real_server 10.0.0.1 80 {{\n}}\n}}\n"
    );
    let Some((agent, machine)) = at_work(&two)? else {
        return Ok(());
    };
    wait_until(PATIENCE, || {
        (machine.enter(saved).ok()?.len() == 5).then_some(())
    });
    agent.kill()?;
    ensure!(machine.enter(saved)?.len() == 5, "they stay");
    let mut next = Agent::start(&machine, PLAIN)?;
    next.wait_for("Initializing ipvs", PATIENCE)?;
    wait_for(&machine, &PLAIN_SAVED)
}

#[test]
fn what_is_set_by_hand_stands_in_the_table_over_a_reload_and_a_crash() -> Result<()> {
    let Some((agent, machine)) = at_work(PLAIN)? else {
        return Ok(());
    };
    let [service, first, second] = PLAIN_SAVED;
    let told = |agent: &Agent, command: &str| {
        let told = agent.tell(command)?;
        ensure!(told.status == Some(0), "{command}: {told:?}");
        anyhow::Ok(())
    };
    wait_for(&machine, &PLAIN_SAVED)?;
    told(&agent, "drain 192.0.2.1:80 10.0.0.2")?;
    let drained = second.replace("-w 3", "-w 0");
    wait_for(&machine, &[service, first, &drained]).context("drained")?;
    agent.reload(&PLAIN.replace("weight 3", "weight 7"))?;
    told(&agent, "weight 192.0.2.1:80 10.0.0.1 5")?;
    let heavier = first.replace("-w 1", "-w 5");
    wait_for(&machine, &[service, &heavier, &drained]).context("a weight")?;
    // It is kept when the command has answered.
    agent.kill()?;
    let agent = Agent::start(&machine, PLAIN)?;
    let dump = wait_until(PATIENCE, || {
        let dump = agent.dump("services").ok()?;
        dump.contains("Set by hand").then_some(dump)
    });
    ensure!(dump.is_some(), "{}", agent.log());
    wait_for(&machine, &[service, &heavier, &drained]).context("after a crash")?;
    told(&agent, "enable 192.0.2.1:80 10.0.0.1")?;
    told(&agent, "enable 192.0.2.1:80 10.0.0.2")?;
    wait_for(&machine, &PLAIN_SAVED).context("enabled")
}

#[test]
fn flush_keep_and_timeouts_do_what_keepalived_s_manual_says() -> Result<()> {
    let Some(machine) = machine()? else {
        return Ok(());
    };
    machine.ip("link set lo up")?;
    let with =
        |lines: &str| PLAIN.replacen("global_defs {", &format!("global_defs {{\n{lines}"), 1);
    machine.enter(|| ipvsadm("-A -t 192.0.2.9:80 -s lc"))?;
    // -I: they stay.
    let agent = Agent::start_as_keepalived(&machine, &with("lvs_flush"), &["-I"])?;
    wait_for(&machine, &PLAIN_SAVED).context("lvs_flush")?;
    agent.terminate()?;
    wait_for(&machine, &PLAIN_SAVED).context("-I")?;
    machine.enter(|| ipvsadm("-A -t 192.0.2.9:80 -s lc"))?;
    let more = with("lvs_flush_on_stop\nlvs_timeouts tcp 77 udp 8");
    let mut agent = Agent::start(&machine, &more)?;
    agent.wait_for(
        "an earlier agent has left virtual services in IPVS (1)",
        PATIENCE,
    )?;
    let timeouts = || machine.enter(|| ipvsadm("-L --timeout"));
    let set = wait_until(PATIENCE, || {
        timeouts().ok()?.contains("77 120 8").then_some(())
    });
    ensure!(set.is_some(), "{}", timeouts()?);
    agent.terminate()?;
    wait_for(&machine, &[]).context("lvs_flush_on_stop")
}

#[test]
fn every_setting_of_a_virtual_server_is_in_the_kernel() -> Result<()> {
    let text = "global_defs {\nxdp_mode off\n}\n\
         virtual_server fwmark 7 {\nlb_algo wlc\nlb_kind TUN type gue port 6080 csum\n\
         real_server 10.0.0.1 80 {\nuthreshold 9\nlthreshold 4\n}\n\
         real_server 10.0.0.2 80 {\nlvs_method TUN type gre csum\n}\n\
         real_server 10.0.0.3 80 {\nlvs_method TUN\n}\n}\n\
         virtual_server 192.0.2.1 53 {\nlb_algo sh\nsh-port\nsh-fallback\nlb_kind NAT\n\
         protocol UDP\nops\nreal_server 10.0.0.1 5353 {\n}\n}\n\
         virtual_server fd00::1 0 {\nlb_algo mh\nmh-port\nlb_kind DR\nprotocol TCP\n\
         persistence_timeout 50\npersistence_granularity 64\nreal_server fd00::2 {\n}\n}\n\
         virtual_server 192.0.2.2 5060 {\nlb_algo rr\nlb_kind NAT\nprotocol UDP\n\
         persistence_timeout 30\npersistence_engine sip\nreal_server 10.0.0.1 5060 {\n}\n}\n\
         virtual_server 192.0.2.3 80 {\nlb_algo rr\nlb_kind TUN type gre\nprotocol SCTP\n\
         real_server fd00::9 80 {\n}\nreal_server 10.0.0.3 80 {\nlvs_method DR\n}\n}\n\
         virtual_server_group G {\n192.0.2.8-9 80\n192.0.2.20 81\nfwmark 9\n}\n\
         virtual_server group G {\nxdp_mode off\nlb_algo lblcr\nlb_kind DR\nprotocol TCP\n\
         real_server 10.0.0.1 80 {\n}\n}\n\
         virtual_server 192.0.2.4 80 {\nlb_algo rr\nlb_kind DR\nprotocol TCP\nalpha\n\
         sorry_server 10.0.0.4 80\nsorry_server_lvs_method TUN type gue port 77\n\
         real_server 10.0.0.1 80 {\nTCP_CHECK {\nconnect_timeout 1\n}\n}\n}\n";
    let Some((agent, machine)) = at_work(text)? else {
        return Ok(());
    };
    let wanted = [
        "-A --sctp-service 192.0.2.3:80 -s rr",
        "-A -f 7 -s wlc",
        "-A -f 9 -s lblcr",
        "-A -t 192.0.2.20:81 -s lblcr",
        "-A -t 192.0.2.4:80 -s rr",
        "-A -t 192.0.2.8:80 -s lblcr",
        "-A -t 192.0.2.9:80 -s lblcr",
        "-A -t [fd00::1]:0 -s mh -p 50 -M 64 -b mh-port",
        "-A -u 192.0.2.1:53 -s sh -o -b sh-fallback,sh-port",
        "-A -u 192.0.2.2:5060 -s rr -p 30 --pe sip",
        "-a --sctp-service 192.0.2.3:80 -r 10.0.0.3:80 -g -w 1",
        "-a --sctp-service 192.0.2.3:80 -r [fd00::9]:80 -i -w 1 --tun-type gre --tun-nocsum",
        "-a -f 7 -r 10.0.0.1:0 -i -w 1 --tun-type gue --tun-port 6080 --tun-csum",
        "-a -f 7 -r 10.0.0.2:0 -i -w 1 --tun-type gre --tun-csum",
        "-a -f 7 -r 10.0.0.3:0 -i -w 1 --tun-type ipip",
        "-a -f 9 -r 10.0.0.1:80 -g -w 1",
        "-a -t 192.0.2.20:81 -r 10.0.0.1:80 -g -w 1",
        "-a -t 192.0.2.4:80 -r 10.0.0.4:80 -i -w 1 --tun-type gue --tun-port 77 --tun-nocsum",
        "-a -t 192.0.2.8:80 -r 10.0.0.1:80 -g -w 1",
        "-a -t 192.0.2.9:80 -r 10.0.0.1:80 -g -w 1",
        "-a -t [fd00::1]:0 -r [fd00::2]:0 -g -w 1",
        "-a -u 192.0.2.1:53 -r 10.0.0.1:5353 -m -w 1",
        "-a -u 192.0.2.2:5060 -r 10.0.0.1:5060 -m -w 1",
    ];
    wait_for(&machine, &wanted).with_context(|| agent.log())?;
    let thresholds = machine.enter(|| ipvsadm("-Ln --thresholds"))?;
    let line = thresholds.lines().find(|line| line.contains("10.0.0.1:0"));
    let words: Vec<&str> = line.context("no such server")?.split_whitespace().collect();
    ensure!(words[2..4] == ["9", "4"], "{thresholds}");
    // `dump` says the same as `ipvsadm`, service for service.
    let theirs = machine.enter(|| ipvsadm("-Ln"))?;
    let ours = wait_until(PATIENCE, || {
        let dump = machine.enter(|| agent.dump("services")).ok()?;
        dump.contains("FWM  9").then_some(dump)
    })
    .context("dump does not show the services")?;
    for line in theirs.lines().skip(3) {
        let line = line.trim_end();
        ensure!(
            ours.lines().any(|it| it.trim_end() == line),
            "{line}\n{ours}"
        );
    }
    Ok(())
}

/// Requests of the client; by how many each server has served them.
fn served(site: &Site, requests: usize) -> Result<[usize; 2]> {
    let target = site.service();
    let tally = site
        .client
        .enter(|| Ok(lb_tests::http::Tally::of(requests, target, None)))?;
    ensure!(tally.failures.is_empty(), "{:?}", tally.failures);
    Ok(["rs1", "rs2"].map(|name| tally.from(name)))
}

fn a_director_serves(mode: Mode) -> Result<()> {
    if skipped(&crate::SITE) {
        return Ok(());
    }
    let mut site = Site::new(Layout::demo(mode))?;
    let [text, _] = configurations::demo(mode);
    let text = format!(
        "global_defs {{\nxdp_mode off\n}}\n{}",
        text.replace("delay_loop 6", "delay_loop 1")
    );
    let mut agent = Agent::start(&site.directors[0], &text)?;
    agent.wait_for("Entering MASTER STATE", PATIENCE)?;
    let both = wait_until(PATIENCE, || {
        let [one, two] = served(&site, 6).ok()?;
        (one == 3 && two == 3).then_some(())
    });
    ensure!(both.is_some(), "{}", agent.log());
    let dump = site.directors[0].enter(|| agent.dump("services"))?;
    ensure!(dump.contains("IPVS   `xdp_mode` is off"), "{dump}");
    // A server fails and comes back.
    let web = site.web[0].take();
    drop(web);
    let gone = wait_until(PATIENCE, || {
        (served(&site, 4).ok()? == [0, 4]).then_some(())
    });
    ensure!(gone.is_some(), "{}", agent.log());
    site.web[0] = Some(lb_tests::WebServer::start(&site.servers[0], "rs1", 200)?);
    let back = wait_until(PATIENCE, || {
        (served(&site, 4).ok()? == [2, 2]).then_some(())
    });
    ensure!(back.is_some(), "{}", agent.log());
    Ok(())
}

#[test]
fn a_director_serves_by_ipvs_in_dr() -> Result<()> {
    a_director_serves(Mode::Dr)
}

#[test]
fn a_director_serves_by_ipvs_in_tun() -> Result<()> {
    a_director_serves(Mode::Tun)
}

#[test]
fn a_director_serves_by_ipvs_in_nat() -> Result<()> {
    a_director_serves(Mode::Nat)
}
