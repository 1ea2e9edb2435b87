//! Builds the XDP program into `OUT_DIR`.
fn main() {}
