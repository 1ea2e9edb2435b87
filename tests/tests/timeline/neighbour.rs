//! The other end of a BFD session (RFC 5880, 5881), as simple as it can be: it answers whoever asks.

use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use anyhow::Result;
use lb_tests::Namespace;

const HERE: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 14);

/// Packets go there (RFC 5881 4), and are worth nothing with another TTL than this (5).
const PORT: u16 = 3784;
const TTL: u32 = 255;

/// Time between two packets, and what it says of that: microseconds.
const INTERVAL: Duration = Duration::from_millis(100);
const MICROSECONDS: [u8; 4] = 100_000_u32.to_be_bytes();

/// RFC 5880 4.1: `Sta`, two bits; `P` and `F` beside them.
const DOWN: u8 = 1;
const INIT: u8 = 2;
const UP: u8 = 3;
const POLL: u8 = 0x20;
const FINAL: u8 = 0x10;

/// It ends with the test.
pub(super) struct Neighbour {
    speaks: Arc<AtomicBool>,
    ends: Arc<AtomicBool>,
}

impl Neighbour {
    /// It speaks when it is spoken to.
    pub(super) fn start(machine: &Namespace) -> Result<Self> {
        let neighbour = Self {
            speaks: Arc::new(AtomicBool::new(true)),
            ends: Arc::new(AtomicBool::new(false)),
        };
        let (speaks, ends) = (Arc::clone(&neighbour.speaks), Arc::clone(&neighbour.ends));
        machine.enter(|| {
            let hears = UdpSocket::bind((HERE, PORT))?;
            hears.set_read_timeout(Some(INTERVAL))?;
            let says = UdpSocket::bind((HERE, 49_152))?;
            says.set_ttl(TTL)?;
            thread::spawn(move || {
                let mut session = Session::default();
                while !ends.load(Ordering::SeqCst) {
                    session.turn(&hears, &says, speaks.load(Ordering::SeqCst));
                }
            });
            Ok(())
        })?;
        Ok(neighbour)
    }

    /// Whether it says anything.
    pub(super) fn speak(&self, speaks: bool) {
        self.speaks.store(speaks, Ordering::SeqCst);
    }
}

impl Drop for Neighbour {
    fn drop(&mut self) {
        self.ends.store(true, Ordering::SeqCst);
    }
}

/// What it knows of who speaks to it.
#[derive(Default)]
struct Session {
    state: u8,
    other: Option<(SocketAddr, [u8; 4])>,
}

impl Session {
    /// Hears for a while, and says something.
    fn turn(&mut self, hears: &UdpSocket, says: &UdpSocket, speaks: bool) {
        let mut packet = [0; 64];
        let heard = hears.recv_from(&mut packet).ok();
        if !speaks {
            *self = Self::default();
            return;
        }
        let mut flags = 0;
        if let Some((24.., from)) = heard {
            let [_, theirs, _, _, a, b, c, d, ..] = packet;
            self.other = Some((SocketAddr::new(from.ip(), PORT), [a, b, c, d]));
            // RFC 5880 6.8.6.
            self.state = match (self.state, theirs >> 6) {
                (UP, DOWN) | (_, 0) => DOWN,
                (INIT | DOWN | 0, DOWN) => INIT,
                (_, INIT | UP) if self.state != DOWN && self.state != 0 => UP,
                (_, INIT) => UP,
                (state, _) => state,
            };
            if theirs & POLL != 0 {
                flags = FINAL;
            }
        }
        let Some((to, discriminator)) = self.other else {
            return;
        };
        let state = (self.state.max(DOWN) << 6) | flags;
        let head = [1 << 5, state, 3, 24, 0, 0, 0, 14];
        let none = [0; 4];
        let packet = [
            head.as_slice(),
            &discriminator,
            &MICROSECONDS,
            &MICROSECONDS,
            &none,
        ];
        says.send_to(&packet.concat(), to).ok();
    }
}
