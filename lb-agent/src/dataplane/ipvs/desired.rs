//! What IPVS should do: services and their servers, in the kernel's own terms.
//!
//! What the XDP program is given (`dataplane::desired`) says how to get to each server; IPVS finds
//! that out by itself.

use crate::net::ipvs::{Destination, Service as Settings};

/// Everything that IPVS should have of ours.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Desired {
    /// Services, each key once.
    pub services: Vec<Service>,
}

/// One virtual server; for IPVS a group is one for each of its addresses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Service {
    /// Its key and settings.
    pub settings: Settings,
    /// The servers in the pool, each address and port once; may be empty.
    pub servers: Vec<Server>,
}

/// One member of the pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Server {
    /// Its address and settings; weight 0: old connections only.
    pub destination: Destination,
    /// It is the sorry server.
    pub sorry: bool,
}
