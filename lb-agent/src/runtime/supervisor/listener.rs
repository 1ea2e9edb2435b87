//! The thread that waits for the kernel's notifications.
//!
//! It ends when nobody wants them any more. When none can come, it tries to hear again, and when it
//! does, everything is read anew.

use std::os::fd::AsFd;
use std::time::Duration;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use tokio::sync::mpsc;
use tracing::{debug, error, info};

use crate::net::monitor::{Event, Monitor};
use crate::net::netlink::NetlinkError;

/// Between two attempts to hear again.
const PAUSE: Duration = Duration::from_secs(1);

/// Where notifications come from.
pub(super) trait Source: AsFd {
    /// The next one; `None`: not now.
    fn next(&mut self) -> Result<Option<Event>, NetlinkError>;
}

impl Source for Monitor {
    fn next(&mut self) -> Result<Option<Event>, NetlinkError> {
        Self::next(self)
    }
}

/// Hands on what `source` says; `open` gives another one when that fails.
pub(super) fn listen<S: Source>(
    mut source: S,
    open: impl Fn() -> Result<S, NetlinkError>,
    news: &mpsc::UnboundedSender<Event>,
) {
    while let Err(failed) = follow(&mut source, news) {
        error!("{failed}; changes of the network go unnoticed until they can be heard again");
        let Some(another) = open_again(&open, news) else {
            return;
        };
        source = another;
        info!("changes of the network are heard again");
        // Whatever has happened meanwhile.
        if news.send(Event::Overrun).is_err() {
            return;
        }
    }
}

/// Hands on what comes until nobody wants it any more, or none can come.
fn follow(
    source: &mut impl Source,
    news: &mpsc::UnboundedSender<Event>,
) -> Result<(), NetlinkError> {
    loop {
        if let Some(event) = source.next()? {
            if news.send(event).is_err() {
                return Ok(());
            }
            continue;
        }
        let mut wait = [PollFd::new(source.as_fd(), PollFlags::POLLIN)];
        match poll(&mut wait, PollTimeout::NONE) {
            Ok(_) | Err(Errno::EINTR) => {}
            Err(errno) => {
                return Err(NetlinkError::Receive {
                    what: "wait for the kernel's notifications".into(),
                    source: errno.into(),
                });
            }
        }
    }
}

/// Another source; `None`: nobody wants it any more.
fn open_again<S>(
    open: impl Fn() -> Result<S, NetlinkError>,
    news: &mpsc::UnboundedSender<Event>,
) -> Option<S> {
    loop {
        std::thread::sleep(PAUSE);
        if news.is_closed() {
            return None;
        }
        match open() {
            Ok(source) => return Some(source),
            Err(error) => debug!("{error}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::{self, Read as _};
    use std::os::fd::BorrowedFd;
    use std::os::unix::net::UnixStream;
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    /// Says some things, then fails or is silent.
    struct Radio {
        left: u32,
        then: Option<i32>,
        silent: UnixStream,
    }

    impl AsFd for Radio {
        fn as_fd(&self) -> BorrowedFd<'_> {
            self.silent.as_fd()
        }
    }

    impl Source for Radio {
        fn next(&mut self) -> Result<Option<Event>, NetlinkError> {
            if self.left > 0 {
                self.left -= 1;
                return Ok(Some(Event::RouteChanged));
            }
            if let Some(code) = self.then {
                return Err(failure(code));
            }
            // The other end of the wire is gone: something to say, and nobody to hear it.
            let ended = (&self.silent).read(&mut [0]).is_ok();
            Ok(ended.then_some(Event::RouteChanged))
        }
    }

    fn failure(code: i32) -> NetlinkError {
        NetlinkError::Receive {
            what: "listen".into(),
            source: io::Error::from_raw_os_error(code),
        }
    }

    #[test]
    fn who_cannot_hear_any_more_tries_again_and_has_everything_read() {
        let (ours, theirs) = UnixStream::pair().unwrap();
        ours.set_nonblocking(true).unwrap();
        let radio = |left, then| Radio {
            left,
            then,
            silent: ours.try_clone().unwrap(),
        };
        let tries = AtomicU32::new(0);
        let open = || match tries.fetch_add(1, Ordering::SeqCst) {
            0 => Err(failure(nix::libc::EMFILE)),
            _ => Ok(radio(1, None)),
        };
        let (sender, mut news) = mpsc::unbounded_channel();
        std::thread::scope(|scope| {
            let first = radio(2, Some(nix::libc::ENOMEM));
            scope.spawn(move || listen(first, open, &sender));
            let heard: Vec<Event> = std::iter::from_fn(|| news.blocking_recv())
                .take(4)
                .collect();
            let change = || Event::RouteChanged;
            assert_eq!(heard, [change(), change(), Event::Overrun, change()]);
            drop(news);
            drop(theirs);
        });
    }
}
