//! What an agent makes of what an earlier one has left.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};
use lb_tests::{Cluster, Layout, Mode, Namespace, PATIENCE, configurations, needs, skipped};

#[test]
fn damaged_maps_of_an_earlier_agent_are_said_and_made_anew() -> Result<()> {
    if skipped(&needs::SITE) {
        return Ok(());
    }
    let damages: [fn(&PathBuf) -> Result<()>; 3] = [
        // A map of another size under the name.
        |maps| {
            Ok(fs::rename(
                maps.join("RETIRED_STATS"),
                maps.join("BACKENDS"),
            )?)
        },
        // No map at all.
        |maps| {
            fs::remove_file(maps.join("FLOWS4"))?;
            Ok(fs::create_dir(maps.join("FLOWS4"))?)
        },
        // A map of another type.
        |maps| Ok(fs::rename(maps.join("AFFINITY4"), maps.join("EGRESS"))?),
    ];
    let mut cluster = Cluster::new(Layout::demo(Mode::Dr), configurations::demo(Mode::Dr))?;
    for damage in damages {
        cluster.start(0)?;
        cluster.wait_for_master(0)?;
        cluster.take(0)?.kill()?;
        damage(&maps(&cluster.site.directors[0])?)?;
        cluster.start(0)?;
        cluster
            .agent(0)?
            .wait_for("cannot adopt the data plane of an earlier agent", PATIENCE)?;
        cluster.wait_for_master(0)?;
        let probe = cluster.probe()?;
        drop(probe);
        let tally = cluster.requests(20)?;
        assert_eq!(tally.failures, Vec::<String>::new());
        cluster.take(0)?.terminate()?;
    }
    Ok(())
}

#[test]
fn an_agent_of_another_version_makes_room_for_this_one() -> Result<()> {
    if skipped(&needs::SITE) {
        return Ok(());
    }
    let mut cluster = Cluster::new(Layout::demo(Mode::Dr), configurations::demo(Mode::Dr))?;
    cluster.start(0)?;
    cluster.wait_for_master(0)?;
    cluster.take(0)?.kill()?;
    let director = &cluster.site.directors[0];
    let maps = maps(director)?;
    let version = maps.parent().context("no folder")?;
    fs::rename(version, instance(director).join("v0"))?;
    assert!(director.program("ens33")?.is_some());
    cluster.start(0)?;
    cluster.wait_for_master(0)?;
    cluster.probe()?;
    assert!(!instance(&cluster.site.directors[0]).join("v0").exists());
    Ok(())
}

#[test]
fn a_stop_leaves_nothing_although_somebody_has_removed_a_pin() -> Result<()> {
    if skipped(&needs::SITE) {
        return Ok(());
    }
    let mut cluster = Cluster::new(Layout::demo(Mode::Nat), configurations::demo(Mode::Nat))?;
    cluster.start(0)?;
    cluster.wait_for_master(0)?;
    let director = &cluster.site.directors[0];
    assert!(director.program("ens33")?.is_some() && director.program("ens37")?.is_some());
    let version = maps(director)?;
    let links = version.with_file_name("links");
    let pin = fs::read_dir(links)?.next().context("nothing is pinned")??;
    fs::remove_file(pin.path())?;
    let exit = cluster.take(0)?.terminate()?;
    assert!(exit.status.success(), "{}", exit.log);
    let director = &cluster.site.directors[0];
    director.wait_until_free("ens33")?;
    director.wait_until_free("ens37")?;
    assert!(!instance(director).exists());
    Ok(())
}

/// Where the agent in `director` pins its things.
fn instance(director: &Namespace) -> PathBuf {
    PathBuf::from("/sys/fs/bpf/lb-agent").join(director.name())
}

/// Where it pins its maps: there is one version.
fn maps(director: &Namespace) -> Result<PathBuf> {
    let version = fs::read_dir(instance(director))?.next();
    Ok(version.context("nothing is pinned")??.path().join("maps"))
}
