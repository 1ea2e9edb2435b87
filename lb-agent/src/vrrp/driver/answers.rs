//! Hearing other hosts say which addresses they have.

use std::io;

use super::BURST;
use crate::runtime::clock;
use crate::vrrp::kernel::System;
use crate::vrrp::router::Router;
use crate::vrrp::socket::{AnswerSocket, Answers};
use crate::vrrp::wait::Wait;

/// Tokens of the two sockets.
pub(super) const ARP: u64 = 2 << 48;
pub(super) const NDISC: u64 = 3 << 48;

/// Where other hosts say which addresses they have.
pub(super) struct AnswerSockets {
    pub(super) arp: AnswerSocket,
    pub(super) ndisc: AnswerSocket,
}

impl AnswerSockets {
    pub(super) fn open(wait: &Wait) -> io::Result<Self> {
        let (arp, ndisc) = (
            AnswerSocket::open(Answers::Arp)?,
            AnswerSocket::open(Answers::Ndisc)?,
        );
        wait.registry().add(&arp, ARP)?;
        wait.registry().add(&ndisc, NDISC)?;
        Ok(Self { arp, ndisc })
    }
}

pub(super) fn listen(router: &mut Router<System>, socket: &AnswerSocket, buffer: &mut [u8]) {
    for _ in 0..BURST {
        // Trouble on an interface is told by the monitor.
        let Ok(Some((index, length))) = socket.receive(buffer) else {
            return;
        };
        let frame = buffer.get(..length).unwrap_or_default();
        router.handle_frame(index, frame, clock::now());
    }
}
