//! What an operator says to the agent that runs: `lb-agent reload`, `drain`, `enable`, `weight`,
//! `check-now`.
//!
//! ```text
//!   lb-agent drain …  ──▶ client ══ /run/lb-agent/<instance>/control ══▶ server (a task for each
//!                            ▲                                             connection)
//!                            │ Response                                       │ Call
//!                            └──────────────────── supervisor ◀───────────────┘
//! ```
//!
//! One connection, one line of JSON each way ([`protocol`]), both of bounded size and within a
//! time. The supervisor takes calls one at a time, as it takes everything else; a caller who is
//! slow, silent or gone keeps nobody waiting. What a call does is the supervisor's matter: here it
//! is only read, checked and answered. Only root, and whom the agent runs as, may call.

pub mod client;
pub mod protocol;
pub mod server;
pub mod target;

/// The socket's name in the folder of the agent's files.
pub const SOCKET: &str = "control";
