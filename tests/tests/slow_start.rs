//! `xdp_slow_start`: a server that recovers gets its share step by step, in the maps.

use std::fs;
use std::time::Duration;

use anyhow::{Context, Result};
use lb_tests::{Agent, Namespace, Need, skipped, wait_until};
use serde_json::Value;
use tempfile::TempDir;

const NEEDS: [Need; 4] = [Need::Root, Need::Namespaces, Need::Bpf, Need::Program("ip")];

/// Long enough for a busy machine; nothing waits for it when all is well.
const PATIENCE: Duration = Duration::from_mins(1);

/// Weights of both servers as the maps have them, in the order of the file; one that is gone has
/// none.
fn weights(agent: &Agent) -> Result<[Option<u64>; 2]> {
    let dump: Value = serde_json::from_str(&agent.dump("services --format json")?)?;
    let servers = dump
        .pointer("/services/0/servers")
        .and_then(Value::as_array);
    let servers = servers.context("no servers")?;
    let weight = |address: &str| {
        let of = |field: &str, server: &Value| server.get(field).cloned();
        let mut servers = servers.iter();
        let server = servers.find(|it| of("address", it) == Some(address.into()))?;
        of("weight", server)?.as_u64()
    };
    Ok([weight("10.0.0.1"), weight("10.0.0.2")])
}

#[test]
fn a_server_that_recovers_gets_its_weight_in_steps() -> Result<()> {
    if skipped(&NEEDS) {
        return Ok(());
    }
    let machine = Namespace::new("slow")?;
    machine.ip("link add v0 type veth peer name v1")?;
    machine.ip("link set v0 up")?;
    machine.ip("link set v1 up")?;
    machine.ip("address add 192.0.2.1/24 dev v0")?;
    let folder = TempDir::new()?;
    let down = folder.path().join("down");
    let configuration = format!(
        "global_defs {{\n script_user root\n xdp_mode generic\n}}\n\
         virtual_server 192.0.2.1 80 {{\n delay_loop 1\n warmup 0\n lb_algo wrr\n lb_kind DR\n \
         protocol TCP\n xdp_slow_start 10\n\
         real_server 10.0.0.1 80 {{\n weight 20\n MISC_CHECK {{\n misc_path \"/bin/sh -c '[ ! -e {} \
         ]'\"\n }}\n }}\n\
         real_server 10.0.0.2 80 {{\n weight 20\n MISC_CHECK {{\n misc_path /bin/true\n }}\n }}\n}}\n",
        down.display()
    );
    let mut agent = Agent::start(&machine, &configuration)?;
    agent.wait_for(
        "[10.0.0.1]:tcp:80 VS [192.0.2.1]:tcp:80] by [/bin/sh] succeeded",
        PATIENCE,
    )?;
    let become_ = |wanted: &dyn Fn([Option<u64>; 2]) -> bool| {
        let found = || weights(&agent).ok().filter(|weights| wanted(*weights));
        wait_until(PATIENCE, found).with_context(|| agent.log())
    };
    // At the start nobody is slow.
    become_(&|weights| weights == [Some(20), Some(20)])?;
    fs::write(&down, "")?;
    become_(&|weights| weights == [None, Some(20)])?;
    fs::remove_file(&down)?;
    let [first, other] = become_(&|weights| weights[0].is_some())?;
    assert!(first < Some(20) && other == Some(20), "{first:?} {other:?}");
    let [later, _] = become_(&|weights| weights[0] > first)?;
    assert!(later <= Some(20), "{later:?}");
    become_(&|weights| weights == [Some(20), Some(20)])?;
    agent.terminate().map(drop)
}
