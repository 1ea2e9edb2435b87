//! Mail, scripts and FIFOs of `global_defs`.

use std::time::Duration;

use super::Lowering;
use crate::config::draft::GlobalDraft;
use crate::config::lower::script::user;
use crate::config::lower::telling::{command, fifo};
use crate::config::model::TimedCommand;
use crate::config::tree::Node;
use crate::config::value;

/// `notification_email { ADDRESS … }`
pub(in crate::config) fn notification_email(
    global: &mut GlobalDraft,
    node: &Node<'_>,
    lowering: &mut Lowering<'_>,
) {
    let addresses = lowering.words_of_block(node);
    let list = &mut global.value.mail.notification_email;
    list.extend(addresses.into_iter().map(|address| address.value));
}

/// `smtp_server HOST [PORT]`
pub(in crate::config) fn smtp_server(
    global: &mut GlobalDraft,
    node: &Node<'_>,
    lowering: &mut Lowering<'_>,
) {
    let port = match node.arguments.get(1) {
        None => Some(25),
        Some(word) => lowering.parse(word, |text| value::integer(text, &(1..=65535))),
    };
    if let (Some(host), Some(port)) = (node.arguments.first(), port) {
        global.value.mail.smtp_server = Some((host.text.clone().into_owned(), port));
    }
}

/// `script_user USER [GROUP]`
pub(in crate::config) fn script_user(
    global: &mut GlobalDraft,
    node: &Node<'_>,
    _lowering: &mut Lowering<'_>,
) {
    let (user, group) = user(node, 0);
    global.value.scripts.script_user = user.map(|user| (user, group));
}

/// `startup_script COMMAND [USER [GROUP]]`
pub(in crate::config) fn startup_script(
    global: &mut GlobalDraft,
    node: &Node<'_>,
    _lowering: &mut Lowering<'_>,
) {
    global.value.scripts.startup_script = timed(node);
}

/// `shutdown_script COMMAND [USER [GROUP]]`
pub(in crate::config) fn shutdown_script(
    global: &mut GlobalDraft,
    node: &Node<'_>,
    _lowering: &mut Lowering<'_>,
) {
    global.value.scripts.shutdown_script = timed(node);
}

/// The limit is that of another line, or the default.
fn timed(node: &Node<'_>) -> Option<TimedCommand> {
    command(node).map(|command| TimedCommand {
        command,
        timeout: Duration::from_secs(10),
    })
}

/// `notify_fifo PATH [USER [GROUP]]`
pub(in crate::config) fn notify_fifo(
    global: &mut GlobalDraft,
    node: &Node<'_>,
    _lowering: &mut Lowering<'_>,
) {
    fifo(&mut global.value.notify.notify_fifo, node);
}

/// `vrrp_notify_fifo PATH [USER [GROUP]]`
pub(in crate::config) fn vrrp_notify_fifo(
    global: &mut GlobalDraft,
    node: &Node<'_>,
    _lowering: &mut Lowering<'_>,
) {
    fifo(&mut global.value.notify.vrrp_notify_fifo, node);
}

/// `lvs_notify_fifo PATH [USER [GROUP]]`
pub(in crate::config) fn lvs_notify_fifo(
    global: &mut GlobalDraft,
    node: &Node<'_>,
    _lowering: &mut Lowering<'_>,
) {
    fifo(&mut global.value.notify.lvs_notify_fifo, node);
}

/// `notify_fifo_script COMMAND [USER [GROUP]]`
pub(in crate::config) fn notify_fifo_script(
    global: &mut GlobalDraft,
    node: &Node<'_>,
    _lowering: &mut Lowering<'_>,
) {
    global.value.notify.notify_fifo.fifo_script = command(node);
}

/// `vrrp_notify_fifo_script COMMAND [USER [GROUP]]`
pub(in crate::config) fn vrrp_notify_fifo_script(
    global: &mut GlobalDraft,
    node: &Node<'_>,
    _lowering: &mut Lowering<'_>,
) {
    global.value.notify.vrrp_notify_fifo.fifo_script = command(node);
}

/// `lvs_notify_fifo_script COMMAND [USER [GROUP]]`
pub(in crate::config) fn lvs_notify_fifo_script(
    global: &mut GlobalDraft,
    node: &Node<'_>,
    _lowering: &mut Lowering<'_>,
) {
    global.value.notify.lvs_notify_fifo.fifo_script = command(node);
}
