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
            Self::Network => &[
                Program {
                    name: "ip",
                    package: "iproute2",
                },
                Program {
                    name: "ethtool",
                    package: "ethtool",
                },
                Program {
                    name: "ping",
                    package: "iputils-ping",
                },
                Program {
                    name: "nginx",
                    package: "nginx",
                },
                Program {
                    name: "tcpdump",
                    package: "tcpdump",
                },
                Program {
                    name: "curl",
                    package: "curl",
                },
            ],
            Self::Peers => &[
                Program {
                    name: "keepalived",
                    package: "keepalived",
                },
                Program {
                    name: "/usr/lib/frr/vrrpd",
                    package: "frr",
                },
                Program {
                    name: "aiosmtpd",
                    package: "python3-aiosmtpd",
                },
                Program {
                    name: "tshark",
                    package: "tshark",
                },
                Program {
                    name: "dnsmasq",
                    package: "dnsmasq-base",
                },
                Program {
                    name: "exim4",
                    package: "exim4-daemon-light",
                },
                Program {
                    name: "openssl",
                    package: "openssl",
                },
                Program {
                    name: "nft",
                    package: "nftables",
                },
                Program {
                    name: "xdp-loader",
                    package: "xdp-tools",
                },
            ],
            Self::Fuzz => &[Program {
                name: "g++",
                package: "g++",
            }],
            Self::Guest => &[
                Program {
                    name: "busybox",
                    package: "busybox-static",
                },
                Program {
                    name: "modprobe",
                    package: "kmod",
                },
                Program {
                    name: "xz",
                    package: "xz-utils",
                },
                Program {
                    name: "ipvsadm",
                    package: "ipvsadm",
                },
                Program {
                    name: "nft",
                    package: "nftables",
                },
                Program {
                    name: "iptables-legacy",
                    package: "iptables",
                },
            ],
            Self::Qemu => &[Program {
                name: "qemu-system-x86_64",
                package: "qemu-system-x86",
            }],
        }
    }
}

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
