//! The virtual address is on the macvlan of `use_vmac`.

use anyhow::{Result, ensure};
use lb_tests::{Cluster, Layout, Mode, configurations, needs, skipped};

#[test]
fn the_macvlan_of_use_vmac_is_served_by_the_native_program_on_the_interface_below() -> Result<()> {
    if skipped(&needs::SITE) {
        return Ok(());
    }
    let change = |text: String| {
        text.replace("192.168.159.200 dev ens33 label ens33:0", "192.168.159.200")
            .replace("virtual_router_id 66", "virtual_router_id 66\n use_vmac")
    };
    let configurations = configurations::demo(Mode::Dr).map(change);
    let mut cluster = Cluster::new(Layout::demo(Mode::Dr), configurations)?;
    cluster.start(0)?;
    cluster.wait_for_master(0)?;
    cluster.probe()?;
    let director = &cluster.site.directors[0];
    ensure!(director.program("ens33")?.as_deref() == Some("xdp"));
    ensure!(director.program("vrrp.66")?.is_none());
    let tally = cluster.requests(50)?;
    assert_eq!(tally.failures, Vec::<String>::new());
    let exit = cluster.take(0)?.terminate()?;
    ensure!(exit.status.success(), "{}", exit.log);
    cluster.site.directors[0].wait_until_free("ens33")
}
