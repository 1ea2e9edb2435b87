//! Whose probes must not be under way at the same time: `UDP_CHECK` and `DNS_CHECK` from one `bind_port`
//! to one server. Their sockets have the same addresses and ports, and the kernel gives all answers to one
//! of them. TCP tells such connections apart by itself: the second one has no port (`EADDRNOTAVAIL`).
//!
//! Who waits for his turn has not begun to count his `connect_timeout`.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use tokio::sync::Mutex;

use crate::health::spec::{Kind, Question};

/// Held while a probe is under way.
pub(super) type Turn = Arc<Mutex<()>>;

/// The turns of all checkers that have to take them.
#[derive(Debug, Default)]
pub(super) struct Turns(HashMap<Way, Turn>);

/// Whatever `bindto` is: without it the kernel chooses an address, which may be that of another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Way {
    bind_port: u16,
    connect_ip: IpAddr,
    connect_port: u16,
}

impl Turns {
    /// What a probe of this question has to wait for; `None`: for nothing.
    pub(super) fn of(&mut self, question: &Question) -> Option<Turn> {
        let way = Way::of(question)?;
        Some(Arc::clone(self.0.entry(way).or_default()))
    }

    /// Other checkers come: those that nobody waits for are forgotten.
    pub(super) fn forget_idle(&mut self) {
        self.0.retain(|_, turn| Arc::strong_count(turn) > 1);
    }
}

impl Way {
    fn of(question: &Question) -> Option<Self> {
        let target = &question.target;
        let is_udp = match question.kind {
            Kind::Udp(_) | Kind::Dns(_) => true,
            Kind::Tcp
            | Kind::ViaTunnel(_)
            | Kind::Http(_)
            | Kind::Ssl(_)
            | Kind::Smtp(_)
            | Kind::Ping
            | Kind::Misc(_)
            | Kind::File(_)
            | Kind::Bfd(_) => false,
        };
        (is_udp && target.bind_port != 0).then_some(Self {
            bind_port: target.bind_port,
            connect_ip: target.connect_ip,
            connect_port: target.connect_port,
        })
    }
}
