//! The gates: one store in the control page arms or disarms everything that a VRRP instance
//! holds, before the first gratuitous ARP goes out and after the last advert has.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use lb_common::control::{Control, GATE_ALWAYS};
use lb_common::limits::MAX_GATES;

mod numbers;

pub use self::numbers::Numbers;
use super::maps::mapped::Mapped;
use crate::vrrp;

/// The gates of the program. Clones share them.
#[derive(Clone)]
pub struct Gates {
    control: Arc<Mapped<Control>>,
}

impl Gates {
    /// The gates in this control page.
    pub const fn new(control: Arc<Mapped<Control>>) -> Self {
        Self { control }
    }

    /// Arms the gate of no instance and disarms all others but those of `numbers`: these are disarmed by VRRP when it starts, after it has removed the addresses that an agent
    /// before us has left. Until then the program forwards what belongs to them as it did, where
    /// the kernel would reset the connections.
    pub fn reset(&self, numbers: &Numbers) {
        for gate in (0..).take(MAX_GATES) {
            if !numbers.has(gate) {
                self.set(gate, gate == GATE_ALWAYS);
            }
        }
    }

    /// Arms or disarms one gate.
    pub fn set(&self, gate: u16, armed: bool) {
        if let Some(word) = self.word(gate) {
            word.store(u32::from(armed), Ordering::SeqCst);
        }
    }

    /// Whether a gate is armed.
    pub fn is_armed(&self, gate: u16) -> bool {
        let word = self.word(gate);
        word.is_some_and(|word| word.load(Ordering::SeqCst) != 0)
    }

    /// The word of a gate; `None`: there is no such gate, and other things behind the last one.
    fn word(&self, gate: u16) -> Option<&AtomicU32> {
        let gate = Some(usize::from(gate)).filter(|gate| *gate < MAX_GATES)?;
        let offset = Control::ARMED_OFFSET + gate * size_of::<u32>();
        self.control.half(0, offset)
    }
}

/// The gates of the instances of one configuration, by their places in it.
pub struct InstanceGates {
    gates: Gates,
    numbers: Vec<Option<u16>>,
}

impl InstanceGates {
    /// The instances are called `names`, in the order of the configuration.
    pub fn new(
        gates: Gates,
        numbers: &Numbers,
        names: impl IntoIterator<Item = impl AsRef<str>>,
    ) -> Self {
        let numbers = names
            .into_iter()
            .map(|name| numbers.of(name.as_ref()))
            .collect();
        Self { gates, numbers }
    }

    fn set(&self, instance: usize, armed: bool) {
        if let Some(gate) = self.numbers.get(instance).copied().flatten() {
            self.gates.set(gate, armed);
        }
    }
}

impl vrrp::Gate for InstanceGates {
    fn arm(&self, instance: usize) {
        self.set(instance, true);
    }

    fn disarm(&self, instance: usize) {
        self.set(instance, false);
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
