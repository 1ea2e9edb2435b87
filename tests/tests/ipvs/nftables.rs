//! Marks of our own (`nftables_ipvs`).

use std::process::Command;

use anyhow::{Context, Result, ensure};
use lb_tests::{Agent, Need};

use crate::agent::wait_for;
use crate::kernel::{site, wait_until_served};

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
         virtual_server group G {{\nlb_algo rr\nlb_kind DR\nprotocol TCP\n\
         real_server {one} 80 {{\n}}\nreal_server {two} 80 {{\n}}\n}}\n"
    );
    let agent = Agent::start(director, &text)?;
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
    agent.terminate()?;
    let rules = director.run(Command::new("nft").args(["list", "ruleset"]))?;
    ensure!(!rules.contains("keepalived_ipvs"), "{rules}");
    Ok(())
}
