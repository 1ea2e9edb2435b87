//! Finds the parts that can build `lb-ebpf`, and runs them.
//!
//! `bpfel-unknown-none` has no ready-made `core`, so `core` is compiled along, from the source
//! that came with the compiler. That is an unstable switch of cargo; `RUSTC_BOOTSTRAP=1` opens it
//! for the nested cargo only, and everything else stays on the stable toolchain.
//!
//! Three parts are needed: a compiler with the source of its own `core` ([`compiler`]),
//! `bpf-linker` ([`linker`]), and a cargo, which is the one that runs us. This crate installs
//! nothing: it says in one sentence what is missing and how to get it.

pub mod compiler;
pub mod linker;
mod nested;

use std::path::PathBuf;

pub use compiler::Compiler;
pub use nested::{BuildError, build, lint};

/// The parts that build `lb-ebpf`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Toolchain {
    /// A compiler whose `core` can be built.
    pub compiler: Compiler,
    /// `bpf-linker`.
    pub linker: PathBuf,
}

/// A part is missing.
#[derive(Debug, thiserror::Error)]
pub enum FindError {
    /// No compiler will do.
    #[error(transparent)]
    Compiler(#[from] compiler::NoCompiler),
    /// No linker.
    #[error(transparent)]
    Linker(#[from] linker::NoLinker),
}

impl Toolchain {
    /// Looks for all parts.
    pub fn find() -> Result<Self, FindError> {
        Ok(Self {
            compiler: Compiler::find()?,
            linker: linker::find()?,
        })
    }
}
