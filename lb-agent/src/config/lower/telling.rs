//! `notify_*` of instances and sync groups.

use super::Lowering;
use super::script::user;
use crate::config::draft::HasNotify;
use crate::config::model::{Command, Fifo, FifoPath};
use crate::config::tree::Node;

/// `notify_master COMMAND [USER [GROUP]]`
pub(in crate::config) fn notify_master<T: HasNotify>(
    block: &mut T,
    node: &Node<'_>,
    _lowering: &mut Lowering<'_>,
) {
    block.notify().value.notify_master = command(node);
}

/// `notify_backup COMMAND [USER [GROUP]]`
pub(in crate::config) fn notify_backup<T: HasNotify>(
    block: &mut T,
    node: &Node<'_>,
    _lowering: &mut Lowering<'_>,
) {
    block.notify().value.notify_backup = command(node);
}

/// `notify_fault COMMAND [USER [GROUP]]`
pub(in crate::config) fn notify_fault<T: HasNotify>(
    block: &mut T,
    node: &Node<'_>,
    _lowering: &mut Lowering<'_>,
) {
    block.notify().value.notify_fault = command(node);
}

/// `notify_stop COMMAND [USER [GROUP]]`
pub(in crate::config) fn notify_stop<T: HasNotify>(
    block: &mut T,
    node: &Node<'_>,
    _lowering: &mut Lowering<'_>,
) {
    block.notify().value.notify_stop = command(node);
}

/// `notify COMMAND [USER [GROUP]]`
pub(in crate::config) fn notify<T: HasNotify>(
    block: &mut T,
    node: &Node<'_>,
    _lowering: &mut Lowering<'_>,
) {
    block.notify().value.notify = command(node);
}

/// `COMMAND [USER [GROUP]]`
pub(super) fn command(node: &Node<'_>) -> Option<Command> {
    let command = node.arguments.first()?.text.clone().into_owned();
    let (user, group) = user(node, 1);
    Some(Command {
        command,
        user,
        group,
    })
}

/// `PATH [USER [GROUP]]`
pub(super) fn fifo(fifo: &mut Fifo, node: &Node<'_>) {
    let (user, group) = user(node, 1);
    fifo.fifo = node.arguments.first().map(|path| FifoPath {
        path: path.text.as_ref().into(),
        user,
        group,
    });
}
