//! What we program, `ipvsadm` reads, and the other way round.

use anyhow::{Result, ensure};
use lb_agent::net::ipvs::{Change, Ipvs, Timeouts};
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestRng, TestRunner};

use crate::ipvsadm::{ipvsadm, lines, restore, saved, sorted, table};
use crate::samples::{SCHEDULERS, any_table, changes, plain, web};
use crate::{ipvsadm::Table, machine};

/// Random tables in one test.
const TABLES: u32 = 24;

/// Tries `check` with random tables, the same ones each time.
fn with_tables(check: impl Fn(&Table) -> Result<()>) -> Result<()> {
    let config = Config {
        cases: TABLES,
        failure_persistence: None,
        ..Config::default()
    };
    let random = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let trial = |table| {
        check(&table).map_err(|error| TestCaseError::fail(format!("{error:#}\n{table:#?}")))
    };
    Ok(TestRunner::new_with_rng(config, random).run(&any_table(), trial)?)
}

#[test]
fn what_we_program_reads_back_equal_by_us_and_by_ipvsadm() -> Result<()> {
    let Some(machine) = machine()? else {
        return Ok(());
    };
    machine.enter(|| {
        let check = |expected: &Table| {
            let mut ipvs = Ipvs::open()?;
            ipvs.change(&Change::Flush)?;
            let refused = ipvs.change_all(&changes(expected))?;
            ensure!(refused.is_empty(), "refused: {refused:?}");
            assert_eq!(table(&ipvs.table()?), sorted(expected.clone()));
            assert_eq!(saved()?, lines(expected));
            Ok(())
        };
        with_tables(check)
    })
}

#[test]
fn what_ipvsadm_programs_we_read_equal() -> Result<()> {
    let Some(machine) = machine()? else {
        return Ok(());
    };
    machine.enter(|| {
        let check = |expected: &Table| {
            ipvsadm("-C")?;
            restore(expected)?;
            assert_eq!(table(&Ipvs::open()?.table()?), sorted(expected.clone()));
            Ok(())
        };
        with_tables(check)
    })
}

#[test]
fn every_scheduler_is_loaded_when_a_service_asks_for_it() -> Result<()> {
    let Some(machine) = machine()? else {
        return Ok(());
    };
    machine.enter(|| {
        let mut ipvs = Ipvs::open()?;
        for (last, scheduler) in (1..).zip(SCHEDULERS) {
            let key = web(last);
            ipvs.change(&Change::NewService(plain(key, scheduler)))?;
        }
        let list = ipvsadm("-Ln")?;
        for scheduler in SCHEDULERS {
            assert!(
                list.contains(&format!(" {scheduler}")),
                "{scheduler}: {list}"
            );
        }
        Ok(())
    })
}

#[test]
fn version_and_timeouts_are_ipvsadms() -> Result<()> {
    let Some(machine) = machine()? else {
        return Ok(());
    };
    machine.enter(|| {
        let mut ipvs = Ipvs::open()?;
        let info = ipvs.info()?;
        let header = format!("version {} (size={})", info.version, info.table_size);
        assert!(ipvsadm("-Ln")?.contains(&header), "{header}");
        ipvsadm("--set 901 121 301")?;
        let theirs = Timeouts {
            tcp: 901,
            tcp_fin: 121,
            udp: 301,
        };
        assert_eq!(ipvs.timeouts()?, theirs);
        // 0 leaves one as it is.
        let ours = Timeouts {
            tcp: 600,
            tcp_fin: 0,
            udp: 30,
        };
        ipvs.change(&Change::SetTimeouts(ours))?;
        assert!(ipvsadm("-L --timeout")?.contains("600 121 30"));
        Ok(())
    })
}
