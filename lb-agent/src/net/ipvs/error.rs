//! Why IPVS does not do what it should, and what to do.

use nix::errno::Errno;

use super::change::Change;
use super::destination::Forwarding;
use super::key::Family;
use crate::net::netlink::NetlinkError;

/// Why IPVS does not do what it should.
#[derive(Debug, thiserror::Error)]
pub enum IpvsError {
    /// The kernel has no IPVS.
    #[error(
        "this kernel has no IPVS: {reason}; run `modprobe ip_vs` as root, outside of containers; \
         Debian's kernels have the module (packages linux-image-amd64, linux-image-cloud-amd64)"
    )]
    Missing {
        /// Why the module is not there.
        reason: String,
    },
    /// IPVS was there, and is no more: the module was unloaded (`modprobe -r ip_vs`), and with it
    /// went what the tables held.
    #[error("IPVS was taken out of the kernel (`modprobe -r ip_vs`?): {0}")]
    Unloaded(NetlinkError),
    /// A change was refused, and we know why.
    #[error("{refusal}; {advice}")]
    Refused {
        /// What was refused.
        refusal: NetlinkError,
        /// What it means and what to do.
        advice: String,
    },
    /// Any other failure of an exchange with the kernel.
    #[error(transparent)]
    Netlink(#[from] NetlinkError),
}

impl IpvsError {
    /// The kernel's error number, if there is one.
    pub fn errno(&self) -> Option<Errno> {
        match self {
            Self::Missing { .. } => None,
            Self::Refused { refusal, .. } => refusal.errno(),
            Self::Unloaded(error) | Self::Netlink(error) => error.errno(),
        }
    }

    /// `error` is what the kernel says to a question. A family that it does not know any more
    /// (`genl_rcv_msg`: ENOENT) means that the module is gone.
    pub(super) fn asked(error: NetlinkError) -> Self {
        if error.errno() == Some(Errno::ENOENT) {
            Self::Unloaded(error)
        } else {
            Self::Netlink(error)
        }
    }

    /// Whether the module is gone, going by what the kernel says to `change`. Where ENOENT has a
    /// meaning of its own (no such scheduler, no such server) that cannot be told.
    pub(super) fn is_unloaded(change: &Change, refusal: &NetlinkError) -> bool {
        let unambiguous = match change {
            Change::NewService(_)
            | Change::SetService(_)
            | Change::SetDestination(..)
            | Change::DeleteDestination(..) => false,
            Change::DeleteService(_)
            | Change::NewDestination(..)
            | Change::StartDaemon(_)
            | Change::StopDaemon(_)
            | Change::SetTimeouts(_)
            | Change::Zero(_)
            | Change::Flush => true,
        };
        unambiguous && refusal.errno() == Some(Errno::ENOENT)
    }

    /// `error` is what the kernel says to `change`.
    pub(super) fn refused(change: &Change, refusal: NetlinkError) -> Self {
        match refusal.errno().and_then(|errno| advice(change, errno)) {
            Some(advice) => Self::Refused { refusal, advice },
            None => Self::Netlink(refusal),
        }
    }
}

/// What the kernel means by `errno` (`net/netfilter/ipvs/ip_vs_ctl.c`); `None`: what the errno
/// says.
fn advice(change: &Change, errno: Errno) -> Option<String> {
    let known = match (change, errno) {
        (Change::NewService(_), Errno::EEXIST) => {
            "somebody else has made it meanwhile: see `ipvsadm -Ln`".to_owned()
        }
        (Change::NewDestination(..), Errno::EEXIST) => {
            "somebody else has added it meanwhile: see `ipvsadm -Ln`".to_owned()
        }
        (Change::NewService(service) | Change::SetService(service), Errno::ENOENT) => {
            let engine = service.engine.as_ref().map_or_else(String::new, |engine| {
                format!(", or no persistence engine {engine} (`modprobe ip_vs_pe_{engine}`)")
            });
            format!(
                "the kernel has no scheduler {name}: try `modprobe ip_vs_{name}`{engine}",
                name = service.scheduler
            )
        }
        (
            Change::SetService(_)
            | Change::DeleteService(_)
            | Change::NewDestination(..)
            | Change::SetDestination(..)
            | Change::DeleteDestination(..)
            | Change::Zero(Some(_)),
            Errno::ESRCH,
        ) => "the service is gone: somebody else has removed it".to_owned(),
        (Change::SetDestination(..) | Change::DeleteDestination(..), Errno::ENOENT) => {
            "the server is gone: somebody else has removed it".to_owned()
        }
        (Change::NewDestination(key, to) | Change::SetDestination(key, to), Errno::EINVAL)
            if Family::from(to.key.address) != key.family() =>
        {
            mixed_families(to.forwarding)
        }
        (Change::NewDestination(_, to) | Change::SetDestination(_, to), Errno::EINVAL) => format!(
            "is {} an address of one host, and does this kernel know the tunnel's type?",
            to.key.address
        ),
        (Change::NewDestination(..) | Change::SetDestination(..), Errno::ERANGE) => {
            "the weight is above 2147483647, or lthreshold above uthreshold".to_owned()
        }
        (Change::NewService(service) | Change::SetService(service), Errno::EINVAL) => format!(
            "does scheduler {} serve this address, mark or protocol, and is the granularity one?",
            service.scheduler
        ),
        (_, Errno::EAFNOSUPPORT) => "this kernel's IPVS does not know IPv6".to_owned(),
        (Change::StartDaemon(_), Errno::EEXIST) => {
            "a sync daemon of this role runs already: see `ipvsadm -L --daemon`".to_owned()
        }
        (Change::StartDaemon(_), Errno::EINVAL) => {
            "a sync daemon needs a multicast group and an interface with room for its messages, \
             and no service may have servers of the other family"
                .to_owned()
        }
        (Change::StartDaemon(daemon), Errno::EADDRNOTAVAIL | Errno::ENODEV) => {
            format!("is {} up, and has it an address?", daemon.interface)
        }
        (Change::StopDaemon(_), Errno::ESRCH) => "none of this role runs".to_owned(),
        (_, Errno::ENOMEM | Errno::ENOBUFS) => {
            "the kernel is short of memory; nothing of this has been done".to_owned()
        }
        _ => return None,
    };
    Some(known)
}

fn mixed_families(forwarding: Forwarding) -> String {
    match forwarding {
        Forwarding::Tunnel(_) => {
            "IPVS takes no server of the other family while a sync daemon runs".to_owned()
        }
        Forwarding::Masquerade | Forwarding::Route | Forwarding::Local | Forwarding::Bypass => {
            "IPVS takes a server of the other family only with lb_kind TUN".to_owned()
        }
    }
}

#[cfg(test)]
mod tests;
