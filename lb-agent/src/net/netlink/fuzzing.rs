//! What the kernel sends under a fuzzer: see [`crate::fuzzing`].

use super::frame;

/// A datagram of messages.
pub(crate) fn frames(datagram: &[u8]) {
    let mut bytes = 0;
    for frame in frame::frames(datagram).flatten() {
        bytes += frame.payload.len();
        // Whatever it says, it is said.
        let _interrupted = frame.dump_interrupted();
        let _content = frame.content();
    }
    assert!(bytes <= datagram.len());
}
