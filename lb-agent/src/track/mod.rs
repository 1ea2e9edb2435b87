//! Tracking: what a VRRP instance makes its priority depend on.
//!
//! * [`weight`]: what an object that is up or down does to an instance.
//!
//! What this module does not do: it knows no instance and changes no priority. Scripts are in
//! [`crate::script`], BFD sessions in [`crate::bfd`], interfaces in [`crate::vrrp`].

pub mod weight;
