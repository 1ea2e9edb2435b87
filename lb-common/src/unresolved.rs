//! A reply in NAT mode whose next hop the kernel does not know yet: the program translates it and
//! hands it to the agent, who lets the kernel find the next hop and send it.
//!
//! In `UNRESOLVED`, a perf event array, each reply is this record and then the frame, behind
//! which the kernel may put some bytes. (A ring buffer would not do: Linux 5.15 has no helper that
//! copies a packet of any length into one.)

use bytemuck::{Pod, Zeroable};

/// What stands in front of the frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Pod, Zeroable)]
#[repr(C)]
pub struct Unresolved {
    /// Interface that the kernel's route to the client leaves by.
    pub ifindex: u32,
    /// Where in the frame its IP header stands.
    pub ip: u32,
}
