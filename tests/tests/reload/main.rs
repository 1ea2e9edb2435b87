//! What a running agent is told: another configuration, a server drained, a check now. Clients go
//! on asking meanwhile.

mod apply;
mod beat;
mod connections;
mod crowd;
mod hands;
mod refuse;
mod timed;

use std::time::Duration;

use anyhow::{Context as _, Result};
use lb_tests::Agent;
use serde_json::Value;

/// For what the agent does at once.
const SOON: Duration = Duration::from_secs(5);

/// `dump SECTION`, as JSON.
fn dumped(agent: &Agent, section: &str) -> Result<Vec<Value>> {
    dumped_as(agent, section, section)
}

/// The list called `name` in `dump SECTION`.
fn dumped_as(agent: &Agent, section: &str, name: &str) -> Result<Vec<Value>> {
    let text = agent.dump(&format!("{section} --format json"))?;
    let dump: Value = serde_json::from_str(&text)?;
    let list = dump.get(name).and_then(Value::as_array);
    list.cloned()
        .with_context(|| format!("no {name} in {dump}"))
}

/// Connections that a service has been given since it was made.
fn connections(agent: &Agent, port: u64) -> Result<u64> {
    let services = dumped(agent, "services")?;
    let at_port = |it: &&Value| it.get("port").and_then(Value::as_u64) == Some(port);
    let service = services.iter().find(at_port);
    let conns = service.and_then(|it| it.pointer("/counters/conns")?.as_u64());
    conns.with_context(|| format!("no service at port {port}"))
}

/// The state of the instance `VI_1`.
fn state(agent: &Agent) -> Result<String> {
    let instances = dumped(agent, "vrrp")?;
    let text = |it: &Value, key| it.get(key).and_then(Value::as_str).map(str::to_owned);
    let instance = instances
        .iter()
        .find(|it| text(it, "name").as_deref() == Some("VI_1"));
    let state = instance.and_then(|it| text(it, "state"));
    state.context("no instance")
}
