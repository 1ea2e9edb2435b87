//! What the guest says, on three pipes that its machine inherits: the command's standard output,
//! its standard error, and its exit status.

use std::fs::File;
use std::io::{self, Read as _, Write};
use std::os::fd::{AsRawFd as _, OwnedFd, RawFd};
use std::thread::{self, JoinHandle};

use anyhow::{Context, Result};
use nix::fcntl::{FcntlArg, FdFlag, OFlag, fcntl};
use nix::unistd::pipe2;

/// One pipe; the writing end is inherited by the next program that is started.
struct Pipe {
    reader: OwnedFd,
    writer: OwnedFd,
}

/// The three.
pub(super) struct Pipes {
    output: Pipe,
    errors: Pipe,
    status: Pipe,
}

impl Pipes {
    pub(super) fn new() -> Result<Self> {
        let pipe = || -> Result<Pipe> {
            let (reader, writer) = pipe2(OFlag::O_CLOEXEC)?;
            fcntl(&writer, FcntlArg::F_SETFD(FdFlag::empty()))?;
            Ok(Pipe { reader, writer })
        };
        let all = || -> Result<Self> {
            Ok(Self {
                output: pipe()?,
                errors: pipe()?,
                status: pipe()?,
            })
        };
        all().context("cannot make pipes")
    }

    /// The writing ends, in the order of the guest's ports.
    pub(super) fn writers(&self) -> [RawFd; 3] {
        [&self.output, &self.errors, &self.status].map(|pipe| pipe.writer.as_raw_fd())
    }

    /// Closes our writing ends, so that a pipe ends with the machine, and starts to copy.
    pub(super) fn relay(self) -> Reports {
        Reports {
            output: copy(self.output, io::stdout()),
            errors: copy(self.errors, io::stderr()),
            status: {
                let mut reader = File::from(self.status.reader);
                thread::spawn(move || {
                    let mut text = String::new();
                    reader.read_to_string(&mut text).ok()?;
                    text.trim().parse().ok()
                })
            },
        }
    }
}

/// Copies on a thread of its own until the pipe ends. When nobody reads on, the rest is read and
/// dropped: the guest must not wait for ever.
fn copy(pipe: Pipe, mut to: impl Write + Send + 'static) -> JoinHandle<()> {
    let mut reader = File::from(pipe.reader);
    thread::spawn(move || {
        let _no_reader = io::copy(&mut reader, &mut to);
        let _no_reader = to.flush();
        let _no_guest = io::copy(&mut reader, &mut io::sink());
    })
}

/// The copying, going on.
pub(super) struct Reports {
    output: JoinHandle<()>,
    errors: JoinHandle<()>,
    status: JoinHandle<Option<u8>>,
}

impl Reports {
    /// Waits for the end of the machine's output; gives the command's status if it has come.
    pub(super) fn status(self) -> Option<u8> {
        let _copied = self.output.join();
        let _copied = self.errors.join();
        self.status.join().ok().flatten()
    }
}
