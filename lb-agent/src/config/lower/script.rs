//! `vrrp_script`, `vrrp_track_process`, `track_file`, `bfd_instance`.

use std::net::{IpAddr, Ipv4Addr};

use super::Lowering;
use crate::config::draft::{ConfigDraft, TrackFileDraft};
use crate::config::keywords::{BFD_INSTANCE, TRACK_FILE, VRRP_SCRIPT, VRRP_TRACK_PROCESS};
use crate::config::model::{BfdInstance, Command, InitFile, VrrpScript, VrrpTrackProcess, Weight};
use crate::config::tree::Node;
use crate::config::value;

/// `vrrp_script NAME { … }`
pub(in crate::config) fn vrrp_script(
    config: &mut ConfigDraft,
    node: &Node<'_>,
    lowering: &mut Lowering<'_>,
) {
    let value = VrrpScript::new(name(node), Command::default());
    let block = lowering.named(&VRRP_SCRIPT, value, node);
    config.vrrp_scripts.extend(block);
}

/// `vrrp_track_process NAME { … }`
pub(in crate::config) fn vrrp_track_process(
    config: &mut ConfigDraft,
    node: &Node<'_>,
    lowering: &mut Lowering<'_>,
) {
    let value = VrrpTrackProcess::new(name(node), Vec::new());
    let block = lowering.named(&VRRP_TRACK_PROCESS, value, node);
    config.vrrp_track_processes.extend(block);
}

/// `track_file NAME { … }`
pub(in crate::config) fn track_file(
    config: &mut ConfigDraft,
    node: &Node<'_>,
    lowering: &mut Lowering<'_>,
) {
    let block = lowering.named(&TRACK_FILE, TrackFileDraft::default(), node);
    config.track_files.extend(block);
}

/// `bfd_instance NAME { … }`
pub(in crate::config) fn bfd_instance(
    config: &mut ConfigDraft,
    node: &Node<'_>,
    lowering: &mut Lowering<'_>,
) {
    let nobody = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
    let value = BfdInstance::new(name(node), nobody);
    let block = lowering.named(&BFD_INSTANCE, value, node);
    config.bfd_instances.extend(block);
}

fn name(node: &Node<'_>) -> String {
    let name = node.arguments.first();
    name.map_or_else(String::new, |word| word.text.clone().into_owned())
}

/// `weight N [reverse]` of a script.
pub(in crate::config) fn script_weight(
    script: &mut VrrpScript,
    node: &Node<'_>,
    lowering: &mut Lowering<'_>,
) {
    script.weight = lowering.weight(node).unwrap_or(script.weight);
}

/// `weight N [reverse]` of a process.
pub(in crate::config) fn process_weight(
    process: &mut VrrpTrackProcess,
    node: &Node<'_>,
    lowering: &mut Lowering<'_>,
) {
    process.weight = lowering.weight(node).unwrap_or(process.weight);
}

/// `weight N [reverse]` of a file.
pub(in crate::config) fn file_weight(
    file: &mut TrackFileDraft,
    node: &Node<'_>,
    lowering: &mut Lowering<'_>,
) {
    file.weight = lowering.weight(node).or(file.weight);
}

/// `weight N [reverse]` of a BFD session.
pub(in crate::config) fn bfd_weight(
    session: &mut BfdInstance,
    node: &Node<'_>,
    lowering: &mut Lowering<'_>,
) {
    session.weight = lowering.weight(node).unwrap_or(session.weight);
}

/// `user USER [GROUP]`
pub(in crate::config) fn script_user(
    script: &mut VrrpScript,
    node: &Node<'_>,
    _lowering: &mut Lowering<'_>,
) {
    (script.script.user, script.script.group) = user(node, 0);
}

/// `process NAME [ARGUMENT …]`
pub(in crate::config) fn process(
    process: &mut VrrpTrackProcess,
    node: &Node<'_>,
    _lowering: &mut Lowering<'_>,
) {
    let words = node.arguments.iter();
    process.process = words.map(|word| word.text.clone().into_owned()).collect();
}

/// `init_file [VALUE] [overwrite]`
pub(in crate::config) fn init_file(
    file: &mut TrackFileDraft,
    node: &Node<'_>,
    lowering: &mut Lowering<'_>,
) {
    let init = lowering.whole(|lowering| {
        let mut init = InitFile::default();
        for word in &node.arguments {
            let number = |text: &str| value::signed(text, &(i32::MIN..=i32::MAX));
            if word.text == "overwrite" {
                init.overwrite = true;
            } else if let Some(value) = lowering.parse(word, number) {
                init.value = value;
            }
        }
        init
    });
    file.init_file = init.or(file.init_file);
}

/// User and group among the arguments of a line, from the one at `first` on.
pub(super) fn user(node: &Node<'_>, first: usize) -> (Option<String>, Option<String>) {
    let word = |index: usize| {
        let word = node.arguments.get(index);
        word.map(|word| word.text.clone().into_owned())
    };
    (word(first), word(first + 1))
}

impl Lowering<'_> {
    /// `weight N [reverse]`
    pub(super) fn weight(&mut self, node: &Node<'_>) -> Option<Weight> {
        let weight = self.parse(node.arguments.first()?, value::weight)?;
        let reverse = match node.arguments.get(1) {
            None => false,
            Some(word) if word.text == "reverse" => true,
            Some(word) => {
                self.extra_words(word.span);
                false
            }
        };
        Some(Weight { weight, reverse })
    }
}
