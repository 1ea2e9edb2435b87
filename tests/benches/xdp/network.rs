//! Where the program runs: a namespace in which replies find a way to the clients.

use anyhow::Result;
use lb_tests::Namespace;
use nix::net::if_::if_nametoindex;

/// `BPF_PROG_TEST_RUN` says that every packet has come in by the loopback interface.
pub(crate) const INGRESS: u32 = 1;

/// A namespace with a default route out of an interface that leads nowhere.
pub(crate) struct Network {
    namespace: Namespace,
    egress: u32,
}

impl Network {
    /// Makes the namespace.
    pub(crate) fn new() -> Result<Self> {
        let namespace = Namespace::new("bench")?;
        for command in [
            "link add out type veth peer name away",
            "link set out up",
            "link set away up",
            "address add 203.0.113.1/24 dev out",
            "neighbour add 203.0.113.2 lladdr 02:00:00:00:00:03 dev out nud permanent",
            "route add default via 203.0.113.2",
            "address add 2001:db8:f::1/64 dev out nodad",
            "neighbour add 2001:db8:f::2 lladdr 02:00:00:00:00:03 dev out nud permanent",
            "-6 route add default via 2001:db8:f::2",
        ] {
            namespace.ip(command)?;
        }
        namespace.sysctl("ipv4.ip_forward", "1")?;
        namespace.sysctl("ipv6.conf.all.forwarding", "1")?;
        let egress = namespace.enter(|| Ok(if_nametoindex("out")?))?;
        Ok(Self { namespace, egress })
    }

    /// The namespace's name, which nothing else on this machine has.
    pub(crate) fn name(&self) -> &str {
        self.namespace.name()
    }

    /// Index of the interface that the default route leaves by.
    pub(crate) const fn egress(&self) -> u32 {
        self.egress
    }

    /// Runs `work` inside.
    pub(crate) fn enter<T: Send>(&self, work: impl FnOnce() -> Result<T> + Send) -> Result<T> {
        self.namespace.enter(work)
    }
}
