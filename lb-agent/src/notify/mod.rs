//! Telling others: scripts, FIFOs and mails, in keepalived's words.
//!
//! ```text
//!   VRRP thread, supervisor ──Event──▶ channel ──▶ script: a task a queue, one script at a time
//!                                             ├──▶ fifo: a task a FIFO, whole lines
//!                                             └──▶ mailer: a task a server, one mail at a time
//! ```
//!
//! Whoever tells never waits: each of the three takes what it is given into a queue, and works on
//! the agent's current-thread runtime. Scripts run one after another for each subject, where
//! keepalived starts them all at once; the last state always comes through.
//!
//! * [`event`]: what can be told, as arguments, as a line, as subject and body of a mail.
//! * [`from_config`] and [`servers`]: whom a configuration tells.
//! * [`turn`] (pure) with [`script`]; [`fifo`]; [`smtp`] (pure) and [`mail`] with [`mailer`].
//!
//! What this module does not do: it does not decide what is worth telling.

pub mod event;
pub mod fifo;
pub mod from_config;
pub mod mail;
pub mod mailer;
pub mod script;
pub mod servers;
pub mod smtp;
pub mod tls;
pub mod turn;
