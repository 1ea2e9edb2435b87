//! Marks of our own (`nftables_ipvs`), and those of the operator's nft.

use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use lb_tests::{Agent, Need, wait_until};

use crate::agent::{PLAIN, wait_for};
use crate::ipvsadm::saved;
use crate::kernel::{site, two_ports_together, wait_until_served};

const PATIENCE: Duration = Duration::from_mins(1);

#[test]
fn a_group_has_one_mark_and_its_packets_get_it() -> Result<()> {
    let Some(site) = site(&[Need::NfTables])? else {
        return Ok(());
    };
    let director = &site.directors[0];
    let [one, two] = site.layout.servers;
    let vip = site.layout.virtual_address;
    let text = format!(
        "global_defs {{\nxdp_mode off\nnftables_ipvs\n}}\n\
         virtual_server_group G {{\n{vip} 80\n192.0.2.1-200 443\nfd00::1 80\n}}\n\
         virtual_server group G {{\nxdp_mode off\nlb_algo rr\nlb_kind DR\nprotocol TCP\n\
         real_server {one} 80 {{\n}}\nreal_server {two} 80 {{\n}}\n}}\n"
    );
    let mut agent = Agent::start(director, &text)?;
    wait_for(
        director,
        &[
            "-A -f 1000 -6 -s rr",
            "-A -f 1000 -s rr",
            &format!("-a -f 1000 -r {one}:80 -g -w 1"),
            &format!("-a -f 1000 -r {two}:80 -g -w 1"),
        ],
    )
    .with_context(|| agent.log())?;
    wait_until_served(&site, &agent)?;
    let rules = director.run(Command::new("nft").args(["list", "ruleset"]))?;
    ensure!(
        rules.contains("192.0.2.1-192.0.2.200 . 443 : 0x000003e8"),
        "{rules}"
    );
    // A reload of the operator's firewall empties everything.
    for what in ["flush ruleset", "flush table ip keepalived_ipvs"] {
        let position = agent.log().len();
        director.run(Command::new("nft").args(what.split_whitespace()))?;
        let told = "somebody has removed the nftables table keepalived_ipvs";
        agent.wait_for_after(position, told, PATIENCE)?;
        agent.wait_for_after(position, "IPVS is as it should be again", PATIENCE)?;
        let rules = director.run(Command::new("nft").args(["list", "ruleset"]))?;
        ensure!(rules.contains("tcp dport map @tcp_map"), "{what}: {rules}");
        wait_until_served(&site, &agent)?;
    }
    agent.terminate()?;
    let rules = director.run(Command::new("nft").args(["list", "ruleset"]))?;
    ensure!(!rules.contains("keepalived_ipvs"), "{rules}");
    Ok(())
}

#[test]
fn the_marks_of_a_killed_agent_go_with_the_next_one_that_sets_none() -> Result<()> {
    let Some(site) = site(&[Need::NfTables])? else {
        return Ok(());
    };
    let director = &site.directors[0];
    let groups = |lines: &str| {
        format!(
            "global_defs {{\nxdp_mode off\n{lines}\n}}\n\
             virtual_server_group G {{\n192.0.2.1-200 443\n}}\n\
             virtual_server group G {{\nxdp_mode off\nlb_algo rr\nlb_kind DR\nprotocol TCP\n\
             real_server 10.0.0.5 80 {{\n}}\n}}\n"
        )
    };
    let agent = Agent::start(director, &groups("nftables_ipvs"))?;
    let saved_marks = ["-A -f 1000 -s rr", "-a -f 1000 -r 10.0.0.5:80 -g -w 1"];
    wait_for(director, &saved_marks).with_context(|| agent.log())?;
    let rules = || director.run(Command::new("nft").args(["list", "ruleset"]));
    let there = |wanted: bool| {
        let is = || (rules().ok()?.contains("keepalived_ipvs") == wanted).then_some(());
        wait_until(PATIENCE, is).with_context(|| format!("{wanted}: {:?}", rules()))
    };
    there(true)?;
    agent.kill()?;
    there(true)?;
    let next = Agent::start(director, &PLAIN.replace("192.0.2.1", "192.0.2.7"))?;
    there(false).with_context(|| next.log())?;
    ensure!(!director.enter(saved)?.contains("-A -f 1000 -s rr"));
    // A reload that wants none takes them away, too.
    next.reload(&groups("nftables_ipvs"))?;
    there(true)?;
    next.reload(PLAIN)?;
    there(false)
}

#[test]
fn the_operators_nft_rule_marks_two_ports_that_are_served_together() -> Result<()> {
    let Some(site) = site(&[Need::NfTables])? else {
        return Ok(());
    };
    let vip = site.layout.virtual_address;
    for command in [
        "add table ip lb".to_owned(),
        "add chain ip lb pre { type filter hook prerouting priority mangle ; }".to_owned(),
        format!("add rule ip lb pre ip daddr {vip} tcp dport {{ 80, 443 }} meta mark set 6"),
    ] {
        site.directors[0].run(Command::new("nft").arg(command))?;
    }
    two_ports_together(&site)
}
