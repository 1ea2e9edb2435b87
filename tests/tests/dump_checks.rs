//! `lb-agent dump checks` beside a server that fails, and without an agent.

use std::time::Duration;

use anyhow::{Context, Result};
use lb_tests::{Agent, Namespace, Need, skipped, wait_until};
use serde_json::Value;

const NEEDS: [Need; 4] = [Need::Root, Need::Namespaces, Need::Bpf, Need::Program("ip")];

/// Long enough for a busy machine; nothing waits for it when all is well.
const PATIENCE: Duration = Duration::from_mins(1);

/// Two virtual servers ask the same of 127.0.0.1, where nobody listens; a third has a script.
const CONFIGURATION: &str = "
global_defs {
    xdp_mode generic
}
virtual_server 192.0.2.1 80 {
    delay_loop 1
    warmup 0
    lb_algo rr
    lb_kind DR
    protocol TCP
    real_server 127.0.0.1 80 {
        TCP_CHECK {
        }
    }
}
virtual_server 192.0.2.2 80 {
    delay_loop 1
    warmup 0
    lb_algo rr
    lb_kind DR
    protocol TCP
    real_server 127.0.0.1 80 {
        TCP_CHECK {
        }
    }
    real_server 10.0.0.9 80 {
        MISC_CHECK {
            misc_path /bin/true
        }
    }
}
";

fn checks(machine: &Namespace, arguments: &str) -> Result<Vec<Value>> {
    let told = machine.tell(&format!("dump checks --format json {arguments}"))?;
    let value: Value = serde_json::from_str(&told.text).with_context(|| told.error)?;
    let checks = value.get("checks").and_then(Value::as_array);
    Ok(checks.context("no checks")?.clone())
}

#[test]
fn every_check_is_shown_with_its_last_result_and_without_an_agent_nothing() -> Result<()> {
    if skipped(&NEEDS) {
        return Ok(());
    }
    let machine = Namespace::new("checks")?;
    machine.ip("link add v0 type veth peer name v1")?;
    machine.ip("link set v0 up")?;
    machine.ip("link set v1 up")?;
    machine.ip("address add 192.0.2.1/24 dev v0")?;
    let none = machine.tell("dump checks")?;
    assert_eq!(none.status, Some(1));
    assert!(none.error.contains("no agent called"), "{}", none.error);

    let mut agent = Agent::start(&machine, CONFIGURATION)?;
    agent.wait_for("TCP_CHECK on service [127.0.0.1]:tcp:80 failed", PATIENCE)?;
    agent
        .wait_for(
            "Misc check for [[10.0.0.9]:tcp:80 VS [192.0.2.2]:tcp:80] by [/bin/true] succeeded",
            PATIENCE,
        )
        .with_context(|| agent.log())?;
    let all = checks(&machine, "")?;
    let [first, second, script] = &all[..] else {
        panic!("three: {all:?}")
    };
    for (check, virtual_server) in [
        (first, "[192.0.2.1]:tcp:80"),
        (second, "[192.0.2.2]:tcp:80"),
    ] {
        assert_eq!(check["virtual_server"], virtual_server);
        assert_eq!(check["real_server"], "[127.0.0.1]:tcp:80");
        assert_eq!(check["state"], "down");
        assert_eq!(check["reason"], "Connection refused (os error 111)");
        assert_eq!(check["shared_by"], 2);
        assert!(check["since_seconds"].as_f64().is_some(), "{check}");
    }
    assert_eq!(first["probe"], second["probe"], "one question, one probe");
    assert_ne!(first["probe"], script["probe"]);
    assert_eq!(script["asks"], "/bin/true");
    assert_eq!(script["last_result"], "success");
    assert_eq!(checks(&machine, "--vip 192.0.2.1")?.len(), 1);
    let counted = || {
        let first = checks(&machine, "").ok()?;
        first[0]["probes"].as_u64().filter(|probes| *probes > 1)
    };
    wait_until(PATIENCE, counted).context("it is not asked again")?;
    let table = machine.tell("dump checks")?.text;
    assert!(table.contains("Connection refused"), "{table}");

    agent.terminate()?;
    assert_eq!(machine.tell("dump checks")?.status, Some(1));
    Ok(())
}

#[test]
fn with_xdp_share_checks_off_each_check_has_a_probe_of_its_own_until_a_reload_shares_them()
-> Result<()> {
    if skipped(&NEEDS) {
        return Ok(());
    }
    let machine = Namespace::new("alone")?;
    machine.ip("link add v0 type veth peer name v1")?;
    machine.ip("link set v0 up")?;
    machine.ip("link set v1 up")?;
    machine.ip("address add 192.0.2.1/24 dev v0")?;
    let alone = CONFIGURATION.replace(
        "xdp_mode generic",
        "xdp_mode generic\n    xdp_share_checks off",
    );
    let agent = Agent::start(&machine, &alone)?;
    // Each is asked, more than once, and each finds the server down.
    let both_down = |shared_by: u64| {
        let all = checks(&machine, "").ok()?;
        let tcp = all.iter().filter(|it| it["checker"] == "TCP_CHECK");
        let as_wanted = tcp.clone().all(|it| {
            it["state"] == "down" && it["shared_by"] == shared_by && it["probes"].as_u64() > Some(1)
        });
        (as_wanted && tcp.count() == 2).then_some(all)
    };
    let all = wait_until(PATIENCE, || both_down(1)).with_context(|| agent.log())?;
    let mut probes: Vec<Option<u64>> = all.iter().map(|it| it["probe"].as_u64()).collect();
    probes.sort_unstable();
    probes.dedup();
    assert_eq!(probes.len(), 3, "{all:?}");
    let removed = "Removing service [127.0.0.1]:tcp:80 from VS";
    assert_eq!(agent.log().matches(removed).count(), 2, "{}", agent.log());
    agent.reload(CONFIGURATION)?;
    wait_until(PATIENCE, || both_down(2)).with_context(|| agent.log())?;
    assert_eq!(agent.log().matches(removed).count(), 2, "nothing is news");
    agent.terminate().map(drop)
}
