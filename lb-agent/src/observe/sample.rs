//! One director in the middle of its work, for the tests of every output.

mod backends;
mod checks;
mod instances;
mod services;

use std::time::Duration;

pub(super) use self::backends::{attachments, backends, connections, reasons};
pub(super) use self::checks::checks;
pub(super) use self::instances::instances;
pub(super) use self::services::services;
use super::dump::Dump;
use super::model::{AgentView, Checks, Endpoint};

pub(super) fn dump() -> Dump<'static> {
    Dump {
        vrrp: Some(instances()),
        services: Some(services()),
        checks: Some(Checks::Known(checks())),
        backends: Some(backends()),
        interfaces: Some(attachments()),
        connections: Some(Box::new(connections().into_iter())),
        reasons: Some(reasons()),
        ..Dump::new(agent())
    }
}

pub(super) fn agent() -> AgentView {
    AgentView {
        version: "0.1.0".into(),
        flow_table_size: 4_194_304,
        flow_table_size6: 1_048_576,
        silent: Some(Duration::from_millis(250)),
    }
}

fn endpoint(text: &str) -> Endpoint {
    let socket: std::net::SocketAddr = text.parse().unwrap();
    Endpoint {
        address: socket.ip(),
        port: socket.port(),
    }
}
