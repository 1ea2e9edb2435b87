//! What a tracked object adds to an instance's priority, or that it takes the instance down.
//!
//! Pure. The sum, its clamping to 1–254 and the owner's exemption are the VRRP machine's.

/// `weight N [reverse]`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Weight {
    /// −253 to 253 (−254 to 254 for processes); 0: a failure is a fault of the instance.
    pub value: i16,
    /// Up counts as down, and down as up.
    pub reverse: bool,
}

/// What an object does to the instance that tracks it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// The instance must be in FAULT.
    Fault,
    /// So much is added to the instance's priority.
    Priority(i32),
}

impl Weight {
    /// The effect of an object that is `up`: a positive weight is added while it is up, a negative
    /// one while it is down, and without a weight down is a fault.
    pub const fn effect(self, up: bool) -> Effect {
        let up = up != self.reverse;
        let value = self.value as i32;
        match (value, up) {
            (0, false) => Effect::Fault,
            (1.., true) | (..=-1, false) => Effect::Priority(value),
            (..=0, true) | (1.., false) => Effect::Priority(0),
        }
    }
}

#[cfg(test)]
mod tests;
