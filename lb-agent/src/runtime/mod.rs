//! runtime.
pub mod clock;
