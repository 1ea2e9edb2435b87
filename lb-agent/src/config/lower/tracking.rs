//! The `track_*` blocks.

use super::Lowering;
use super::address::owned;
use crate::config::draft::{HasTracking, TrackedDraft};
use crate::config::keywords::TRACKED;
use crate::config::mention::Named;
use crate::config::tree::Node;

/// `track_interface { … }`
pub(in crate::config) fn track_interface<T: HasTracking>(
    block: &mut T,
    node: &Node<'_>,
    lowering: &mut Lowering<'_>,
) {
    for line in node.block.iter().flat_map(|block| &block.nodes) {
        let place = ("track_interface", "track_interface");
        lowering
            .mentions
            .note(Named::Interface, place, &line.keyword);
    }
    let lines = lowering.tracked(node);
    block.tracking().track_interface.extend(lines);
}

/// `track_script { … }`
pub(in crate::config) fn track_script<T: HasTracking>(
    block: &mut T,
    node: &Node<'_>,
    lowering: &mut Lowering<'_>,
) {
    let lines = lowering.tracked(node);
    block.tracking().track_script.extend(lines);
}

/// `track_file { … }`
pub(in crate::config) fn track_file<T: HasTracking>(
    block: &mut T,
    node: &Node<'_>,
    lowering: &mut Lowering<'_>,
) {
    let lines = lowering.tracked(node);
    block.tracking().track_file.extend(lines);
}

/// `track_process { … }`
pub(in crate::config) fn track_process<T: HasTracking>(
    block: &mut T,
    node: &Node<'_>,
    lowering: &mut Lowering<'_>,
) {
    let lines = lowering.tracked(node);
    block.tracking().track_process.extend(lines);
}

/// `track_bfd { … }`
pub(in crate::config) fn track_bfd<T: HasTracking>(
    block: &mut T,
    node: &Node<'_>,
    lowering: &mut Lowering<'_>,
) {
    let lines = lowering.tracked(node);
    block.tracking().track_bfd.extend(lines);
}

impl Lowering<'_> {
    /// Lines `NAME [weight N] [reverse]`.
    fn tracked(&mut self, node: &Node<'_>) -> Vec<TrackedDraft> {
        let mut tracked = Vec::new();
        for line in node.block.iter().flat_map(|block| &block.nodes) {
            self.refuse_block(line);
            let mut draft = TrackedDraft::new(owned(&line.keyword));
            let left_out = "the line is ignored";
            let read = self.options(&TRACKED, &mut draft, &line.arguments, left_out, |_, _| {
                false
            });
            if read.is_ok() {
                self.take(line.keyword.span);
                tracked.push(draft);
            }
        }
        tracked
    }
}
