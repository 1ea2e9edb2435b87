//! Where the XDP program is.

use serde::{Deserialize, Serialize};

use crate::dataplane::xdp::attach::Mode;

/// An interface that carries the XDP program.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AttachmentView {
    /// Its name.
    pub interface: String,
    /// How the program runs there.
    pub mode: Mode,
}
