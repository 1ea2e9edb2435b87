//! Whom a virtual server may send to: its servers that are up, or its sorry server.
//!
//! Pure. What a server's state is comes from the checkers; what becomes of the members is the
//! data plane's. Lines are keepalived's, in its order.
//!
//! Whether their weight is enough is for the quorum to say.

use super::log_line::LogLine;
use super::name::ServiceName;
use super::quorum::Quorum;
use crate::config::model::{RealServerKey, VirtualServer, VirtualServerKey};

/// One server that a virtual server sends to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Member {
    /// Address and port.
    pub key: RealServerKey,
    /// Its share; 0: no new connections, old ones go on.
    pub weight: u32,
    /// It is the sorry server.
    pub sorry: bool,
}

/// What an event came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[must_use]
pub struct PoolChange {
    /// What to tell the operator, in order.
    pub lines: Vec<LogLine>,
    /// [`Pool::members`] is another list now.
    pub members_changed: bool,
}

/// The pool of one virtual server.
#[derive(Clone, Debug)]
pub struct Pool {
    virtual_server: VirtualServerKey,
    servers: Vec<Server>,
    sorry_server: Option<RealServerKey>,
    quorum: Quorum,
    has_quorum: bool,
    members: Vec<Member>,
}

#[derive(Clone, Copy, Debug)]
struct Server {
    key: RealServerKey,
    weight: u32,
    inhibit_on_failure: bool,
    up: bool,
}

impl Pool {
    /// The pool at start, before any check: all servers, with `alpha` only those without a
    /// checker, which nothing could ever bring up.
    pub fn new(virtual_server: &VirtualServer) -> (Self, PoolChange) {
        let servers = virtual_server.real_servers.iter().map(|server| Server {
            key: server.key,
            weight: server.weight,
            inhibit_on_failure: server.inhibit_on_failure,
            up: !server.alpha || server.checkers.is_empty(),
        });
        let sorry_server = virtual_server.sorry_server.map(|sorry| RealServerKey {
            address: sorry.address,
            port: sorry.port,
        });
        let mut pool = Self {
            virtual_server: virtual_server.key,
            servers: servers.collect(),
            sorry_server,
            quorum: Quorum::default(),
            has_quorum: true,
            members: Vec::new(),
        };
        let mut lines = Vec::new();
        pool.has_quorum = pool.quorum.gained(pool.live_weight());
        if !pool.has_quorum && pool.sorry_server.is_some() {
            pool.say_lost("Starting with quorum down", &mut lines);
        }
        pool.members = pool.wanted();
        (
            pool,
            PoolChange {
                lines,
                members_changed: true,
            },
        )
    }

    /// The checkers say that `server` is up, or down. What is known already, or a server that is
    /// not in this virtual server, changes nothing.
    pub fn handle(&mut self, server: &RealServerKey, up: bool) -> PoolChange {
        let Some(found) = self.servers.iter_mut().find(|other| other.key == *server) else {
            return PoolChange::default();
        };
        if found.up == up {
            return PoolChange::default();
        }
        found.up = up;
        let inhibit_on_failure = found.inhibit_on_failure;
        let mut lines = vec![self.server_line(server, inhibit_on_failure, up)];
        self.update_quorum(&mut lines);
        let members = self.wanted();
        let members_changed = self.members != members;
        self.members = members;
        PoolChange {
            lines,
            members_changed,
        }
    }

    /// Whom to send to now, in the order of the file, the sorry server last.
    #[must_use]
    pub fn members(&self) -> &[Member] {
        &self.members
    }

    /// The virtual server.
    #[must_use]
    pub fn virtual_server(&self) -> &VirtualServerKey {
        &self.virtual_server
    }

    fn update_quorum(&mut self, lines: &mut Vec<LogLine>) {
        let weight = self.live_weight();
        match self.has_quorum {
            false if self.quorum.gained(weight) => {
                self.has_quorum = true;
                self.say_gained(lines);
            }
            true if self.quorum.lost(weight) => {
                self.has_quorum = false;
                self.say_lost("Lost quorum", lines);
            }
            true | false => {}
        }
    }

    fn wanted(&self) -> Vec<Member> {
        let sorry_server = self.sorry_server.filter(|_| !self.has_quorum);
        let weight = |server: &Server| match (server.up && sorry_server.is_none(), server) {
            (true, server) => Some(server.weight),
            (
                false,
                Server {
                    inhibit_on_failure: true,
                    ..
                },
            ) => Some(0),
            (
                false,
                Server {
                    inhibit_on_failure: false,
                    ..
                },
            ) => None,
        };
        let servers = self
            .servers
            .iter()
            .filter(|server| Some(server.key) != sorry_server);
        servers
            .filter_map(|server| {
                Some(Member {
                    key: server.key,
                    weight: weight(server)?,
                    sorry: false,
                })
            })
            .chain(sorry_server.map(|key| Member {
                key,
                weight: 1,
                sorry: true,
            }))
            .collect()
    }

    /// The weight of the servers that are up.
    fn live_weight(&self) -> u64 {
        self.servers
            .iter()
            .filter(|server| server.up)
            .map(|server| u64::from(server.weight))
            .sum()
    }

    fn server_line(&self, server: &RealServerKey, inhibit_on_failure: bool, up: bool) -> LogLine {
        let service = self.name_of(server);
        let name = self.name();
        match (up, inhibit_on_failure) {
            (true, false) => LogLine::Info(format!("Adding service {service} to VS {name}")),
            (true, true) => LogLine::Info(format!("Enabling service {service} of VS {name}")),
            (false, false) => LogLine::Warn(format!("Removing service {service} from VS {name}")),
            (false, true) => LogLine::Warn(format!("Disabling service {service} of VS {name}")),
        }
    }

    fn say_gained(&self, lines: &mut Vec<LogLine>) {
        let name = self.name();
        lines.push(self.quorum.gained_line(self.live_weight(), name));
        if let Some(sorry) = self.sorry_server.map(|key| self.name_of(&key)) {
            lines.push(LogLine::Info(format!(
                "Removing sorry server {sorry} from VS {name}"
            )));
            lines.push(LogLine::Info(format!(
                "Adding alive servers to the pool for VS {name}"
            )));
        }
    }

    fn say_lost(&self, what: &str, lines: &mut Vec<LogLine>) {
        let name = self.name();
        lines.push(self.quorum.lost_line(what, self.live_weight(), name));
        if let Some(sorry) = self.sorry_server.map(|key| self.name_of(&key)) {
            lines.push(LogLine::Warn(format!(
                "Adding sorry server {sorry} to VS {name}"
            )));
            lines.push(LogLine::Warn(format!(
                "Removing alive servers from the pool for VS {name}"
            )));
        }
    }

    fn name(&self) -> ServiceName {
        ServiceName::of_virtual_server(&self.virtual_server)
    }

    fn name_of(&self, server: &RealServerKey) -> ServiceName {
        ServiceName::of_real_server(&self.virtual_server, server)
    }
}

#[cfg(test)]
mod tests;
