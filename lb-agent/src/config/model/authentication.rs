//! What adverts prove themselves with: `authentication` and `auth_hmac`.

use std::path::PathBuf;
use std::time::Duration;

use serde::{Serialize, Serializer};

/// `authentication { auth_type …; auth_pass … }`.
#[derive(Clone, PartialEq, Eq, Serialize)]
pub enum Authentication {
    /// `PASS`: the password as on the wire, padded with zeros.
    Pass(#[serde(skip)] [u8; 8]),
    /// `AH`: the key, at most 8 bytes.
    Ah(Secret),
}

impl std::fmt::Debug for Authentication {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Pass(_) => f.write_str("Pass(********)"),
            Self::Ah(_) => f.write_str("Ah(********)"),
        }
    }
}

/// A key or password: never shown.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Secret(Vec<u8>);

impl Secret {
    /// Takes the bytes.
    pub fn new(bytes: impl Into<Vec<u8>>) -> Self {
        Self(bytes.into())
    }

    /// The bytes, for who must send them.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("********")
    }
}

impl Serialize for Secret {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str("********")
    }
}

/// `auth_hmac` (keepalived 2.4): an HMAC-SHA256 trailer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AuthHmac {
    /// `key ID hex:…|file:…|TEXT`, by number; at least one.
    pub key: Vec<(u8, HmacKey)>,
    /// `active_key`: the one to send with; default: the first.
    pub active_key: u8,
    /// `time_window`: 1 to 300 s.
    pub time_window: Duration,
    /// `anti_replay`.
    pub anti_replay: HmacReplay,
    /// `mode`.
    pub mode: HmacMode,
}

impl Default for AuthHmac {
    fn default() -> Self {
        Self {
            key: Vec::new(),
            active_key: 0,
            time_window: Duration::from_secs(30),
            anti_replay: HmacReplay::Time,
            mode: HmacMode::Enforce,
        }
    }
}

impl AuthHmac {
    /// The key of this number, if its bytes are known.
    pub fn key_of(&self, id: u8) -> Option<&[u8]> {
        let key = self.key.iter().find(|(known, _)| *known == id);
        key.and_then(|(_, key)| match key {
            HmacKey::Bytes(secret) => Some(secret.bytes()),
            HmacKey::File(_) => None,
        })
    }
}

/// Length of a key.
pub const HMAC_KEY_LEN: std::ops::RangeInclusive<usize> = 32..=64;

/// Where a key of `auth_hmac` is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub enum HmacKey {
    /// Here; [`HMAC_KEY_LEN`] bytes.
    Bytes(Secret),
    /// `file:`: in this file, whose line ends do not count. Read when VRRP starts.
    File(PathBuf),
}

/// `anti_replay time|monotonic`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub enum HmacReplay {
    /// `time`: the clock's.
    #[default]
    Time,
    /// `monotonic`: a counter.
    Monotonic,
}

/// `mode enforce|permissive|receive-only`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub enum HmacMode {
    /// Adverts without it are dropped.
    #[default]
    Enforce,
    /// They are accepted and counted.
    Permissive,
    /// Checked, but not sent.
    ReceiveOnly,
}
