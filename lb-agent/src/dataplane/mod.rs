//! dataplane.
pub mod nexthop;
