//! What the command line says about how the agent runs.

/// How the agent runs; keepalived's switches of the same names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Conduct {
    /// `--dont-release-vrrp`: at the end virtual addresses stay, and the other router is not told.
    pub dont_release_vrrp: bool,
    /// `--dont-release-ipvs`: at the end the data plane stays, and goes on forwarding.
    pub dont_release_ipvs: bool,
}
