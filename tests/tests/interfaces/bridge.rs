//! The virtual address is on a bridge.

use anyhow::Result;
use lb_tests::{Cluster, Layout, Mode, configurations, needs, skipped};

#[test]
fn on_a_bridge_the_program_runs_in_generic_mode_whatever_xdp_mode_says() -> Result<()> {
    if skipped(&needs::SITE) {
        return Ok(());
    }
    for mode in ["auto", "native"] {
        let change = |text: String| {
            text.replace("ens33", "br0").replace(
                "global_defs {",
                &format!("global_defs {{\n   xdp_mode {mode}"),
            )
        };
        let configurations = configurations::demo(Mode::Dr).map(change);
        let mut cluster = Cluster::new(Layout::demo(Mode::Dr), configurations)?;
        let director = &cluster.site.directors[0];
        director.ip("link add br0 type bridge stp_state 0 mcast_snooping 0")?;
        director.ip("link set dev br0 up")?;
        director.ip("address flush dev ens33")?;
        director.ip("link set dev ens33 master br0")?;
        director.ip("address add 192.168.159.103/24 dev br0")?;
        cluster.start(0)?;
        cluster.wait_for_master(0)?;
        cluster.probe()?;
        let director = &cluster.site.directors[0];
        assert_eq!(director.program("br0")?.as_deref(), Some("xdpgeneric"));
        assert_eq!(director.program("ens33")?, None);
        let log = cluster.agent(0)?.log();
        let why = "attached to br0 (generic): br0 is a bridge";
        assert!(log.contains(why), "{log}");
        let tally = cluster.requests(50)?;
        assert_eq!(tally.failures, Vec::<String>::new());
    }
    Ok(())
}
