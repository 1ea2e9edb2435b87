//! What runs on the VRRP thread, and how it ends.

use std::any::Any;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::Receiver;

use tracing::error;

use super::answers::{ARP, AnswerSockets, NDISC, listen};
use super::pulse::Pulse;
use super::reload::Order;
use super::report::{Report, Told};
use super::{BUFFER, BURST, MONITOR};
use crate::net::monitor::Monitor;
use crate::runtime::clock;
use crate::runtime::priority::run_real_time;
use crate::vrrp::effects::Channel;
use crate::vrrp::isolation::Escalation;
use crate::vrrp::kernel::{System, port_of};
use crate::vrrp::router::Router;
use crate::vrrp::wait::Wait;

/// What the thread owns.
pub(super) struct Thread {
    pub(super) router: Router<System>,
    pub(super) monitor: Monitor,
    pub(super) answers: AnswerSockets,
    pub(super) reports: Receiver<Told>,
    pub(super) orders: Receiver<Order>,
    pub(super) wait: Wait,
    pub(super) stop: Arc<AtomicBool>,
    pub(super) pulse: Arc<Pulse>,
    pub(super) escalation: Escalation,
}

impl Thread {
    /// Until it is told to stop, or cannot go on; either way it leaves the virtual routers. Whether
    /// everything is released.
    ///
    /// Also when it panics: a thread that is simply gone would leave its addresses and an open gate
    /// behind, and another router becomes MASTER beside it.
    pub(super) fn run(mut self) -> bool {
        let served = catch_unwind(AssertUnwindSafe(|| self.serve()));
        let (told_to, is_whole) = match served {
            Ok(Ok(())) => (true, true),
            Ok(Err(error)) => {
                error!("VRRP cannot go on: {error}; leaving the virtual routers");
                (false, true)
            }
            Err(panic) => {
                let what = words(&*panic);
                error!(
                    "VRRP cannot go on: {what}, which is a fault of lb-agent; leaving the virtual \
                     routers"
                );
                // What it was about to do may be half done.
                (false, false)
            }
        };
        let left = catch_unwind(AssertUnwindSafe(|| {
            if told_to {
                self.router.stop(clock::now());
            } else {
                self.router.release(clock::now());
            }
        }));
        let left = left.inspect_err(|panic| {
            let what = words(&**panic);
            error!("VRRP could not release everything: {what}, which is a fault of lb-agent");
        });
        is_whole && left.is_ok()
    }

    fn serve(&mut self) -> io::Result<()> {
        self.router.start(clock::now());
        let mut buffer = vec![0; BUFFER];
        while !self.stop.load(Ordering::Acquire) {
            self.turn(&mut buffer)?;
        }
        Ok(())
    }

    /// Timers first, then what has arrived.
    fn turn(&mut self, buffer: &mut [u8]) -> io::Result<()> {
        let now = clock::now();
        self.pulse.works(now);
        let due = self.router.poll_timeout();
        let late = due.map(|due| now.saturating_duration_since(due));
        if let Some(priority) = late.and_then(|late| self.escalation.late(late)) {
            run_real_time(priority, "max_auto_priority");
        }
        self.router.handle_timeout(now);
        let deadline = self.router.poll_timeout();
        let (router, monitor) = (&mut self.router, &mut self.monitor);
        let (answers, pulse) = (&self.answers, &self.pulse);
        pulse.waits(deadline);
        self.wait.wait(deadline, now, |token| {
            pulse.works(clock::now());
            match token {
                MONITOR => watch(router, monitor),
                ARP => listen(router, &answers.arp, buffer),
                NDISC => listen(router, &answers.ndisc, buffer),
                port => {
                    if let Some((index, channel)) = port_of(port) {
                        receive(router, index, channel, buffer);
                    }
                }
            }
        })?;
        self.pulse.works(clock::now());
        while let Ok(order) = self.orders.try_recv() {
            self.reload(order)?;
        }
        while let Ok(told) = self.reports.try_recv() {
            let now = clock::now();
            match told {
                Told::Report(Report { kind, name, status }) => {
                    self.router.track(kind, &name, status, now);
                }
                Told::Attached(instance) => self.router.handle_attached(&instance, now),
            }
        }
        Ok(())
    }
}

fn receive(router: &mut Router<System>, index: u32, channel: Channel, buffer: &mut [u8]) {
    for _ in 0..BURST {
        match router.kernel_mut().receive(index, channel, buffer) {
            Ok(Some(length)) => {
                let packet = buffer.get(..length).unwrap_or_default();
                router.handle_packet(index, packet, clock::now());
            }
            Ok(None) => return,
            // The interface is down (ENETDOWN) and says so once; more is told by the monitor.
            Err(_link) => return,
        }
    }
}

pub(super) fn watch(router: &mut Router<System>, monitor: &mut Monitor) {
    for _ in 0..BURST {
        match monitor.next() {
            Ok(Some(event)) => router.handle_event(event, clock::now()),
            Ok(None) => return,
            Err(error) => return error!("{error}"),
        }
    }
}

/// What a panic says.
fn words(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("a panic without words")
}
