//! The XDP data plane: the program, its maps, where it is attached.
//!
//! ```text
//! /sys/fs/bpf/lb-agent/<instance>/v<ABI>/maps/NAME      every map
//!                                       /links/IFINDEX  every attachment
//! ```
//!
//! Both outlive the agent: a program that is attached goes on forwarding while the agent is
//! restarted, and the next agent adopts maps and attachments. A clean stop removes them.

pub mod attach;
pub mod clock;
pub mod flow_tables;
pub mod gate;
pub mod maps;
pub mod memory;
pub mod object;
pub mod pins;
pub mod ranges;
mod tag;
pub mod trace;
pub mod unresolved;
pub mod view;
