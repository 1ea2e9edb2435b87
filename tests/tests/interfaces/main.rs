//! Which interfaces carry the program, and what becomes of servers behind those that cannot take
//! its packets.

mod bridge;
mod coming_and_going;
mod macvlan;
mod occupied;
mod two_arms;
