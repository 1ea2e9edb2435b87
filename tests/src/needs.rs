//! What a test needs of the machine, and how it says that it could not run.

use std::fmt;
use std::path::Path;
use std::process::Command;

use nix::unistd::geteuid;

/// Something that not every machine has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// The rights of root.
    Root,
    /// Network namespaces.
    Namespaces,
    /// A kernel that loads BPF programs.
    Bpf,
    /// The kernel's IPVS, loaded or to be loaded.
    Ipvs,
    /// A kernel without IPVS.
    NoIpvs,
    /// The kernel's ipvlan, loaded or to be loaded.
    Ipvlan,
    /// The kernel's SCTP, loaded or to be loaded.
    Sctp,
    /// The kernel's VLANs, loaded or to be loaded.
    Vlan,
    /// The kernel's bonds, loaded or to be loaded.
    Bonding,
    /// The kernel's FUSE.
    Fuse,
    /// A kernel that filters system calls.
    Seccomp,
    /// nftables in the kernel, for IPv4, and its program.
    NfTables,
    /// A program on PATH.
    Program(&'static str),
}

/// What a [`crate::Site`] needs.
pub const SITE: [Need; 6] = [
    Need::Root,
    Need::Namespaces,
    Need::Bpf,
    Need::Program("ip"),
    Need::Program("ethtool"),
    Need::Program("nginx"),
];

impl Need {
    /// Whether this machine has it.
    pub fn is_met(self) -> bool {
        match self {
            Self::Root => geteuid().is_root(),
            Self::Namespaces => Path::new("/proc/self/ns/net").exists(),
            // bpf(2) came with the one, BTF of the kernel with the other; we need both.
            Self::Bpf => Path::new("/sys/kernel/btf/vmlinux").exists(),
            Self::Ipvs => Path::new("/proc/net/ip_vs").exists() || is_module("ip_vs"),
            Self::NoIpvs => !Self::Ipvs.is_met(),
            Self::Ipvlan => Path::new("/sys/module/ipvlan").exists() || is_module("ipvlan"),
            Self::Sctp => Path::new("/proc/net/sctp").exists() || is_module("sctp"),
            Self::Vlan => Path::new("/proc/net/vlan").exists() || is_module("8021q"),
            Self::Bonding => Path::new("/proc/net/bonding").exists() || is_module("bonding"),
            Self::Fuse => Path::new("/dev/fuse").exists(),
            Self::Seccomp => Path::new("/proc/sys/kernel/seccomp/actions_avail").exists(),
            Self::NfTables => nftables(),
            Self::Program(name) => std::env::var_os("PATH").is_some_and(|path| {
                std::env::split_paths(&path).any(|directory| directory.join(name).is_file())
            }),
        }
    }
}

/// Whether nft may make a table; it does not.
fn nftables() -> bool {
    Command::new("nft")
        .args(["--check", "add table ip lbt-probe"])
        .output()
        .is_ok_and(|output| output.status.success())
}

/// Whether the running kernel has a module.
fn is_module(name: &str) -> bool {
    Command::new("modprobe")
        .args(["--dry-run", "--quiet", name])
        .status()
        .is_ok_and(|status| status.success())
}

impl fmt::Display for Need {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Root => write!(f, "not root"),
            Self::Namespaces => write!(f, "no network namespaces in this kernel"),
            Self::Bpf => write!(f, "no BPF with BTF in this kernel"),
            Self::Ipvs => write!(f, "no IPVS in this kernel (`cargo xtask vm` has one)"),
            Self::NoIpvs => write!(f, "this kernel has IPVS"),
            Self::Ipvlan => write!(f, "no ipvlan in this kernel (`cargo xtask vm` has it)"),
            Self::Sctp => write!(f, "no SCTP in this kernel (`cargo xtask vm` has it)"),
            Self::Vlan => write!(
                f,
                "no VLANs in this kernel (`cargo xtask vm --kernel qemu` has them)"
            ),
            Self::Bonding => write!(
                f,
                "no bonds in this kernel (`cargo xtask vm --kernel qemu` has them)"
            ),
            Self::Fuse => write!(f, "no FUSE in this kernel"),
            Self::Seccomp => write!(f, "no seccomp in this kernel"),
            Self::NfTables => write!(
                f,
                "no nftables for IPv4 here (`cargo xtask vm --kernel qemu` has them)"
            ),
            Self::Program(name) => write!(f, "{name} is not installed"),
        }
    }
}

/// Whether a test has to be skipped for want of something; it then says so, in the form that
/// `cargo xtask test` counts: a line `skipped: <reason>`.
#[expect(
    clippy::print_stdout,
    reason = "this line is how a test says that it did not run"
)]
pub fn skipped(needs: &[Need]) -> bool {
    let missing = needs.iter().find(|need| !need.is_met());
    if let Some(need) = missing {
        println!("skipped: {need}");
    }
    missing.is_some()
}
