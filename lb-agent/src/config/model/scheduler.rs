//! `lb_algo`.

use serde::Serialize;

/// `lb_algo`: who gets a new connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize)]
pub enum Scheduler {
    /// `rr`: one after the other.
    Rr,
    /// `wrr`: one after the other, by weight.
    Wrr,
    /// `lc`: who has the fewest connections.
    Lc,
    /// `wlc`: who has the fewest connections for its weight; keepalived's default.
    #[default]
    Wlc,
    /// `lblc`: by the client's destination, unless its server has too many.
    Lblc,
    /// `lblcr`: by the destination, several servers for each.
    Lblcr,
    /// `sh`: by a hash of the client's address.
    Sh,
    /// `dh`: by a hash of the destination's address.
    Dh,
    /// `mh`: by the client's address, with Maglev's table.
    Mh,
    /// `sed`: who would be done first.
    Sed,
    /// `nq`: who has nothing to do, else as `sed`.
    Nq,
    /// `fo`: the server of the greatest weight.
    Fo,
    /// `ovf`: the server of the greatest weight that has fewer connections than that.
    Ovf,
    /// `twos`: the better of two that are drawn.
    Twos,
}

impl Scheduler {
    /// All of them, in keepalived's order.
    pub const ALL: [Self; 14] = [
        Self::Rr,
        Self::Wrr,
        Self::Lc,
        Self::Wlc,
        Self::Lblc,
        Self::Sh,
        Self::Mh,
        Self::Dh,
        Self::Fo,
        Self::Ovf,
        Self::Lblcr,
        Self::Sed,
        Self::Nq,
        Self::Twos,
    ];

    /// keepalived's and the kernel's name of it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Rr => "rr",
            Self::Wrr => "wrr",
            Self::Lc => "lc",
            Self::Wlc => "wlc",
            Self::Lblc => "lblc",
            Self::Lblcr => "lblcr",
            Self::Sh => "sh",
            Self::Dh => "dh",
            Self::Mh => "mh",
            Self::Sed => "sed",
            Self::Nq => "nq",
            Self::Fo => "fo",
            Self::Ovf => "ovf",
            Self::Twos => "twos",
        }
    }

    /// The one of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|it| it.name() == name)
    }
}
