//! Finds a compiler that can build `lb-ebpf`, and runs it.
