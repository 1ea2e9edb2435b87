//! dataplane.
