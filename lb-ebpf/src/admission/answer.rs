//! What the admission says of a packet, in words, as subprograms do.

use lb_common::stats::Reason;

/// The answer in one word, as subprograms give it.
#[derive(Clone, Copy)]
#[repr(transparent)]
pub(crate) struct Admission(pub(super) u32);

impl Admission {
    pub(super) const NEW: u32 = 1 << 16;
    pub(super) const FORGOTTEN: u32 = 1 << 17;

    /// What [`Self::word`] was.
    #[inline(always)]
    pub(crate) const fn from_word(word: u32) -> Self {
        Self(word)
    }

    /// The answer.
    #[inline(always)]
    pub(crate) const fn word(self) -> u32 {
        self.0
    }

    /// The slot of the server.
    #[inline(always)]
    pub(crate) const fn slot(self) -> u16 {
        self.0 as u16
    }

    /// Whether the packet opens a connection.
    #[inline(always)]
    pub(crate) const fn is_new(self) -> bool {
        self.0 & Self::NEW != 0
    }

    /// Whether the flow stands nowhere in the table.
    #[inline(always)]
    pub(crate) const fn is_forgotten(self) -> bool {
        self.0 & Self::FORGOTTEN != 0
    }
}

/// The server, or why there is none, in one word, as subprograms do.
#[derive(Clone, Copy)]
#[repr(transparent)]
pub(crate) struct Answer(pub(super) u64);

impl Answer {
    const REFUSED: u64 = 1 << 31;

    /// What [`Self::word`] was.
    #[inline(always)]
    pub(crate) const fn from_word(word: u64) -> Self {
        Self(word)
    }

    /// The answer.
    #[inline(always)]
    pub(crate) const fn word(self) -> u64 {
        self.0
    }

    /// There is no server.
    #[inline(always)]
    pub(crate) const fn refused(reason: Reason) -> Self {
        Self((reason as u64) << 32 | Self::REFUSED)
    }

    /// The server, or why there is none.
    #[inline(always)]
    pub(crate) fn result(self) -> Result<Admission, Reason> {
        const BAD_SOURCE: u32 = Reason::BadSource as u32;
        const FULL: u32 = Reason::Full as u32;
        const NEW_FLOW_LIMIT: u32 = Reason::NewFlowLimit as u32;
        const SOURCE_LIMIT: u32 = Reason::SourceLimit as u32;
        if self.0 & Self::REFUSED == 0 {
            return Ok(Admission(self.0 as u32));
        }
        Err(match (self.0 >> 32) as u32 {
            BAD_SOURCE => Reason::BadSource,
            FULL => Reason::Full,
            NEW_FLOW_LIMIT => Reason::NewFlowLimit,
            SOURCE_LIMIT => Reason::SourceLimit,
            _ => Reason::NoServer,
        })
    }
}
