//! Kernel settings (`/proc/sys`), written by a thread of its own: they are files, and VRRP waits for
//! none.
//!
//! The thread knows what each setting was before it was set first, and sets that again at the end.

use std::fs;
use std::io;
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

use tracing::{error, warn};

use super::effects::Afterwards;

/// What the thread is told.
#[derive(Debug)]
enum Order {
    Set {
        path: String,
        value: String,
        afterwards: Afterwards,
    },
    Forget(String),
    /// And whoever waits for it is told.
    Restore(Option<SyncSender<()>>),
}

/// Tells the thread. It ends when nobody can tell it any more.
#[derive(Clone, Debug)]
pub(super) struct Sysctls(Sender<Order>);

impl Sysctls {
    /// Starts the thread, in the network namespace of the caller's.
    pub(super) fn start() -> io::Result<(Self, JoinHandle<()>)> {
        let (sender, orders) = channel();
        let thread = Builder::new().name("sysctl".into());
        let thread = thread.spawn(move || serve(&orders))?;
        Ok((Self(sender), thread))
    }

    /// Sets a setting, by its path below `/proc/sys`.
    pub(super) fn set(&self, path: &str, value: &str, afterwards: Afterwards) {
        self.tell(Order::Set {
            path: path.to_owned(),
            value: value.to_owned(),
            afterwards,
        });
    }

    /// Settings whose paths begin so are no more.
    pub(super) fn forget(&self, below: &str) {
        self.tell(Order::Forget(below.to_owned()));
    }

    /// All settings are to be what they were.
    pub(super) fn restore(&self) {
        self.tell(Order::Restore(None));
    }

    /// The same; returns when they are, or after `limit`.
    pub(super) fn restore_within(&self, limit: Duration) {
        let (done, wait) = sync_channel(1);
        self.tell(Order::Restore(Some(done)));
        if wait.recv_timeout(limit).is_err() {
            error!("kernel settings may not be what they were");
        }
    }

    fn tell(&self, order: Order) {
        if self.0.send(order).is_err() {
            error!("the thread that writes kernel settings has ended: one is not set");
        }
    }
}

fn serve(orders: &Receiver<Order>) {
    let mut before = Before::default();
    for order in orders {
        match order {
            Order::Set {
                path,
                value,
                afterwards,
            } => before.set(&mut write, path, &value, afterwards),
            Order::Forget(below) => before.forget(&below),
            Order::Restore(waiting) => {
                before.restore(&mut write);
                if let Some(waiting) = waiting {
                    // Whoever has waited too long is gone.
                    waiting.send(()).ok();
                }
            }
        }
    }
}

/// What settings were, in the order in which they were set.
#[derive(Debug, Default)]
struct Before(Vec<(String, String)>);

/// Writes a setting; what it was.
type Write<'a> = &'a mut dyn FnMut(&str, &str) -> io::Result<String>;

impl Before {
    fn set(&mut self, write: Write<'_>, path: String, value: &str, afterwards: Afterwards) {
        if self.0.iter().any(|(set, _)| *set == path) {
            return;
        }
        match (write(&path, value), afterwards) {
            (Ok(before), Afterwards::AsBefore) => self.0.push((path, before)),
            (Ok(_before), Afterwards::Gone) => {}
            (Err(error), _) => warn!("cannot set {path} to {value}: {error}"),
        }
    }

    fn forget(&mut self, below: &str) {
        self.0.retain(|(path, _)| !path.starts_with(below));
    }

    fn restore(&mut self, write: Write<'_>) {
        for (path, before) in std::mem::take(&mut self.0).into_iter().rev() {
            if let Err(error) = write(&path, &before) {
                error!("cannot set {path} back to {before}: {error}");
            }
        }
    }
}

fn write(path: &str, value: &str) -> io::Result<String> {
    let path = format!("/proc/sys/{path}");
    let before = fs::read_to_string(&path)?.trim().to_owned();
    if before != value {
        fs::write(&path, value)?;
    }
    Ok(before)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn settings_are_what_they_were_the_last_first_and_what_is_gone_is_not_touched() {
        let mut files = BTreeMap::from([("a/x", "0"), ("a/y", "2"), ("b/x", "1"), ("v/x", "0")]);
        let mut files: BTreeMap<String, String> = std::mem::take(&mut files)
            .into_iter()
            .map(|(path, value)| (path.into(), value.into()))
            .collect();
        let mut order = Vec::new();
        let mut write = |path: &str, value: &str| {
            order.push(path.to_owned());
            let before = files.insert(path.to_owned(), value.to_owned());
            before.ok_or_else(|| io::ErrorKind::NotFound.into())
        };
        let mut before = Before::default();
        for (path, afterwards) in [
            ("a/x", Afterwards::AsBefore),
            ("v/x", Afterwards::Gone),
            ("a/y", Afterwards::AsBefore),
            // What it was is known from the first time.
            ("a/x", Afterwards::AsBefore),
            ("b/x", Afterwards::AsBefore),
            ("none", Afterwards::AsBefore),
        ] {
            before.set(&mut write, path.into(), "7", afterwards);
        }
        before.forget("b/");
        before.restore(&mut write);
        before.restore(&mut write);
        assert_eq!(order[order.len() - 2..], ["a/y", "a/x"]);
        let values = ["a/x", "a/y", "b/x", "v/x"].map(|path| files[path].clone());
        assert_eq!(values, ["0", "2", "7", "7"]);
    }
}
