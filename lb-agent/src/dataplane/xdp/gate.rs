//! The gates: one store in the control page arms or disarms everything that a VRRP instance
//! holds, before the first gratuitous ARP goes out and after the last advert has.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use lb_common::control::{Control, GATE_ALWAYS};
use lb_common::limits::MAX_GATES;

use super::maps::mapped::Mapped;
use crate::vrrp;

/// The gates of the program. Clones share them.
#[derive(Clone)]
pub struct Gates {
    control: Arc<Mapped<Control>>,
}

/// The gate of the VRRP instance at `index` in the configuration.
pub fn of_instance(index: usize) -> Option<u16> {
    u16::try_from(index + 1)
        .ok()
        .filter(|gate| usize::from(*gate) < MAX_GATES)
}

impl Gates {
    /// The gates in this control page.
    pub const fn new(control: Arc<Mapped<Control>>) -> Self {
        Self { control }
    }

    /// Arms the gate of no instance and disarms all others but those of the first `instances`:
    /// these are disarmed by VRRP when it starts, after it has removed the addresses that an agent
    /// before us has left. Until then the program forwards what belongs to them as it did, where
    /// the kernel would reset the connections.
    pub fn reset(&self, instances: usize) {
        for gate in (0..).take(MAX_GATES) {
            let of_instance = (1..=instances).contains(&usize::from(gate));
            if !of_instance {
                self.set(gate, gate == GATE_ALWAYS);
            }
        }
    }

    /// Arms or disarms one gate.
    pub fn set(&self, gate: u16, armed: bool) {
        let offset = Control::ARMED_OFFSET + usize::from(gate) * size_of::<u32>();
        if let Some(word) = self.control.half(0, offset) {
            word.store(u32::from(armed), Ordering::SeqCst);
        }
    }

    /// Whether a gate is armed.
    pub fn is_armed(&self, gate: u16) -> bool {
        let offset = Control::ARMED_OFFSET + usize::from(gate) * size_of::<u32>();
        self.control
            .half(0, offset)
            .is_some_and(|word| word.load(Ordering::SeqCst) != 0)
    }
}

impl vrrp::Gate for Gates {
    fn arm(&self, instance: usize) {
        if let Some(gate) = of_instance(instance) {
            self.set(gate, true);
        }
    }

    fn disarm(&self, instance: usize) {
        if let Some(gate) = of_instance(instance) {
            self.set(gate, false);
        }
    }
}

/// For an agent without virtual servers: there is nothing to arm.
pub struct NoGates;

impl vrrp::Gate for NoGates {
    fn arm(&self, _instance: usize) {}

    fn disarm(&self, _instance: usize) {}
}

#[cfg(test)]
mod tests;
