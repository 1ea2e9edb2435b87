//! What clients notice: the longest time without a page, while the MASTER of the demo's network
//! stops, is killed, or loses power.

use std::time::Duration;

use anyhow::Result;
use lb_tests::{Cluster, Layout, Mode, PATIENCE, configurations, now};

/// How the MASTER ends.
#[derive(Clone, Copy, Debug)]
enum End {
    Stopped,
    Killed,
    PowerLost,
}

const RUNS: usize = 3;

pub(crate) fn run() -> Result<()> {
    println!("\nclients' longest gap through the data plane (DR), {RUNS} runs, ms");
    for (interval, lines) in [
        ("1 s", "advert_int 1"),
        ("100 ms", "version 3\n     advert_int 0.1"),
        ("10 ms", "version 3\n     advert_int 0.01"),
    ] {
        for end in [End::Stopped, End::Killed, End::PowerLost] {
            let mut gaps = Vec::new();
            for _ in 0..RUNS {
                gaps.push(gap(lines, end)?.as_millis());
            }
            gaps.sort_unstable();
            println!("{interval:<8} {:<11} {gaps:?}", format!("{end:?}"));
        }
    }
    Ok(())
}

fn gap(lines: &str, end: End) -> Result<Duration> {
    let configurations =
        configurations::demo(Mode::Dr).map(|text| text.replace("advert_int 1", lines));
    let mut cluster = Cluster::at_work(Layout::demo(Mode::Dr), configurations)?;
    let probe = cluster.probe()?;
    match end {
        End::Stopped => drop(cluster.take(0)?.terminate()?),
        End::Killed => drop(cluster.take(0)?.kill()?),
        End::PowerLost => {
            cluster.site.outside.unplug(&cluster.site.directors[0])?;
            drop(cluster.take(0)?.kill()?);
        }
    }
    cluster.wait_for_master(1)?;
    probe.wait_for(now(), PATIENCE, |_| true)?;
    Ok(probe.report().longest_gap())
}
