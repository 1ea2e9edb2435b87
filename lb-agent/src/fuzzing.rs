//! What a fuzzer runs: each target takes bytes from anybody and states what must hold of the
//! result. A panic is a finding.
//!
//! The crate `fuzz` drives these with libFuzzer (`cargo xtask fuzz`); the tests of this crate run
//! them over the seeds and findings that stand in `fuzz/seeds`. Nothing of this is in the program:
//! the module exists for tests and for fuzzing only.

use crate::{config, health, net, vrrp, wire};

/// One thing to fuzz.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// Its name, and that of its folder in `fuzz/seeds`.
    pub name: &'static str,
    /// Takes any bytes; panics when something does not hold.
    pub run: fn(&[u8]),
}

/// All of them.
pub const TARGETS: &[Target] = &[
    target("lexer", config::fuzzing::lexer),
    target("expander", config::fuzzing::expander),
    target("loader", config::fuzzing::loader),
    target("vrrp", vrrp::fuzzing::advert),
    target("neighbours", wire::fuzzing::neighbours),
    target("bfd", wire::fuzzing::bfd),
    target("netlink", net::netlink::fuzzing::frames),
    target("dns", health::probe::fuzzing::dns),
    target("http", health::probe::fuzzing::http),
    target("regex", health::probe::fuzzing::pattern),
    target("smtp", health::probe::fuzzing::smtp),
];

const fn target(name: &'static str, run: fn(&[u8])) -> Target {
    Target { name, run }
}

#[cfg(test)]
mod tests;
