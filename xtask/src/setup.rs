//! Installs what is missing, and says so before it does.

pub(crate) mod apt;

use std::process::Command;

use anyhow::{Context, Result};
use lb_ebpf_build::compiler::{Compiler, DEBIAN_PACKAGES, NEWEST_LLVM, Unfit};
use lb_ebpf_build::linker;

use crate::cargo::{command, succeed};

/// A program, and the package of Debian that has it.
struct Program {
    name: &'static str,
    package: &'static str,
}

const fn program(name: &'static str, package: &'static str) -> Program {
    Program { name, package }
}

/// What is to be installed.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Only what `cargo build` needs: for a machine that is to run lb-agent, not to test it.
    #[arg(long)]
    build: bool,
}

impl Options {
    /// What that prepares for.
    pub(crate) const fn parts(&self) -> &'static [Part] {
        if self.build {
            &[Part::Build]
        } else {
            &Part::ALL
        }
    }
}

/// What is being prepared for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// Building the XDP program.
    Build,
    /// A network of namespaces.
    Network,
    /// Other implementations, to be tested against.
    Peers,
    /// libFuzzer.
    Fuzz,
    /// A guest with a kernel of its own, and what is tried in it.
    Guest,
    /// A guest in an emulated machine.
    Qemu,
}

impl Part {
    /// Everything but guests, which only machines without IPVS need.
    pub(crate) const ALL: [Self; 3] = [Self::Build, Self::Network, Self::Peers];

    /// The programs that it needs.
    const fn programs(self) -> &'static [Program] {
        match self {
            Self::Build => &[],
            Self::Network => NETWORK,
            Self::Peers => PEERS,
            Self::Fuzz => FUZZ,
            Self::Guest => GUEST,
            Self::Qemu => QEMU,
        }
    }
}

const NETWORK: &[Program] = &[
    program("ip", "iproute2"),
    program("ethtool", "ethtool"),
    program("ping", "iputils-ping"),
    program("nginx", "nginx"),
    program("tcpdump", "tcpdump"),
    program("curl", "curl"),
];

const PEERS: &[Program] = &[
    program("keepalived", "keepalived"),
    program("/usr/lib/frr/vrrpd", "frr"),
    program("aiosmtpd", "python3-aiosmtpd"),
    program("tshark", "tshark"),
    program("dnsmasq", "dnsmasq-base"),
    program("exim4", "exim4-daemon-light"),
    program("openssl", "openssl"),
    program("nft", "nftables"),
    program("xdp-loader", "xdp-tools"),
];

const FUZZ: &[Program] = &[program("g++", "g++")];

const GUEST: &[Program] = &[
    program("busybox", "busybox-static"),
    program("modprobe", "kmod"),
    program("xz", "xz-utils"),
    program("ipvsadm", "ipvsadm"),
    program("nft", "nftables"),
    program("iptables-legacy", "iptables"),
];

const QEMU: &[Program] = &[program("qemu-system-x86_64", "qemu-system-x86")];

/// Prepares this machine for `parts`.
pub(crate) fn run(parts: &[Part]) -> Result<()> {
    let programs = parts.iter().flat_map(|part| part.programs());
    let missing: Vec<_> = programs
        .filter(|program| !apt::is_there(program.name))
        .map(|program| program.package)
        .collect();
    apt::install(&missing)?;
    if parts.contains(&Part::Build) {
        source_of_core()?;
        bpf_linker()?;
    }
    Ok(())
}

/// Components of the toolchain, which rustup's minimal profile leaves out.
pub(crate) fn components(names: &[&str]) -> Result<()> {
    let is_missing = |name: &&str| {
        // `cargo fmt` is the component rustfmt.
        let subcommand = name.strip_prefix("rust").unwrap_or(name);
        let found = command(&[subcommand, "--version"]).output();
        !found.is_ok_and(|output| output.status.success())
    };
    let missing: Vec<_> = names.iter().copied().filter(is_missing).collect();
    if missing.is_empty() {
        return Ok(());
    }
    println!("Installing with rustup: {}.", missing.join(" "));
    succeed(
        Command::new("rustup")
            .args(["component", "add"])
            .args(missing),
    )
}

/// A compiler with the source of its `core`: from rustup if that can be, else from Debian.
fn source_of_core() -> Result<()> {
    if Compiler::find().is_ok() {
        return Ok(());
    }
    // rustup's compiler is worth completing only if it lacks nothing else.
    if matches!(
        Compiler::examine("rustc".as_ref()),
        Err(Unfit::NoSource { .. })
    ) && apt::is_there("rustup")
    {
        println!("Installing the component rust-src with rustup: core's source, for BPF.");
        if succeed(Command::new("rustup").args(["component", "add", "rust-src"])).is_ok()
            && Compiler::find().is_ok()
        {
            return Ok(());
        }
    }
    println!("A second compiler for the XDP program, with core's source and LLVM {NEWEST_LLVM}:");
    apt::install(&DEBIAN_PACKAGES)?;
    Compiler::find().map(drop).context("even now")
}

/// `bpf-linker`, compiled by cargo.
fn bpf_linker() -> Result<()> {
    if linker::find().is_ok() {
        return Ok(());
    }
    println!(
        "Installing bpf-linker {} with cargo: a few minutes.",
        linker::VERSION
    );
    let version = ["--version", linker::VERSION];
    succeed(command(&["install", "--locked", "bpf-linker"]).args(version))?;
    linker::find().map(drop).context("even now")
}
