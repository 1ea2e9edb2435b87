//! `lb_agent::net` against the real kernel: every test in namespaces of its own.

mod addresses;
mod cable;
mod links;
mod monitor;
mod neighbours;
mod next_hops;
mod routes;
mod xdp;
