//! What a wire carried: tcpdump.

use std::io::{BufRead, BufReader, Read};
use std::process::{ChildStdout, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use nix::sys::signal::Signal;

use crate::clock::wait_until;
use crate::namespace::Namespace;
use crate::process::Process;

/// One frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// When it was seen, since 1970.
    pub time: Duration,
    /// From the Ethernet header on.
    pub bytes: Vec<u8>,
}

/// A running capture.
#[derive(Debug)]
pub struct Capture {
    process: Process,
    frames: Arc<Mutex<Vec<Frame>>>,
    reader: Option<JoinHandle<()>>,
}

impl Capture {
    /// Captures what matches `filter` (pcap-filter(7)) on `interface`; it runs when this returns.
    ///
    /// With `direction` `in` or `out`, only what the interface's machine receives or sends: on a
    /// port of a [`crate::Switch`], `in` is what the plugged machine has sent.
    pub fn start(
        machine: &Namespace,
        interface: &str,
        direction: &str,
        filter: &str,
    ) -> Result<Self> {
        let (mut process, output, errors) = machine.enter(|| {
            let mut child = Command::new("tcpdump")
                .args([
                    "-i",
                    interface,
                    "-Q",
                    direction,
                    "-n",
                    "--immediate-mode",
                    "-U",
                    "-w",
                    "-",
                    filter,
                ])
                .stdout(Stdio::piped())
                .stderr(Stdio::piped())
                .spawn()
                .context("cannot start tcpdump")?;
            let output = child.stdout.take().context("tcpdump has no output")?;
            let errors = child.stderr.take().context("tcpdump has no error output")?;
            Ok((Process::from(child), output, errors))
        })?;
        let mut errors = BufReader::new(errors);
        let mut said = String::new();
        while !said.contains("listening on") {
            let read = errors
                .read_line(&mut said)
                .context("cannot read from tcpdump")?;
            ensure!(
                read > 0,
                "tcpdump on {interface} in {}: {said}",
                machine.name()
            );
        }
        // It says one more thing at its end; a closed pipe would kill it before it has written all.
        thread::spawn(move || drop(errors.read_to_end(&mut Vec::new())));
        let frames = Arc::new(Mutex::new(Vec::new()));
        let into = Arc::clone(&frames);
        let reader = thread::Builder::new()
            .name("capture".to_owned())
            .spawn(move || {
                // The end of the stream, in the middle of a frame or not, is the end of the capture.
                let _end: Result<()> = read_frames(output, &into);
            });
        let reader = match reader {
            Ok(reader) => Some(reader),
            Err(error) => {
                process.signal(Signal::SIGKILL)?;
                return Err(error).context("cannot start a thread");
            }
        };
        Ok(Self {
            process,
            frames,
            reader,
        })
    }

    /// The frames so far. The kernel hands frames over some milliseconds late: wait with
    /// [`Self::wait_for`] for what must come, and use [`Self::finish`] for what must not.
    pub fn frames(&self) -> Vec<Frame> {
        self.frames
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Waits until the frames so far satisfy `condition`.
    pub fn wait_for(&self, limit: Duration, condition: impl Fn(&[Frame]) -> bool) -> Result<()> {
        wait_until(limit, || condition(&self.frames()).then_some(()))
            .with_context(|| format!("not seen within {limit:?}; {} frames", self.frames().len()))
    }

    /// Ends the capture and returns all frames.
    pub fn finish(mut self) -> Result<Vec<Frame>> {
        // tcpdump reads a block of frames at a time; what was sent by now is in it soon.
        thread::sleep(Duration::from_millis(200));
        self.process.signal(Signal::SIGINT)?;
        self.process.wait(Duration::from_secs(30))?;
        if let Some(reader) = self.reader.take() {
            drop(reader.join());
        }
        Ok(self.frames())
    }
}

/// Reads a pcap stream: a header of 24 bytes, then before each frame its seconds, microseconds,
/// length here and length on the wire, in the order of this machine (pcap-savefile(5)).
fn read_frames(mut stream: ChildStdout, frames: &Mutex<Vec<Frame>>) -> Result<()> {
    stream.read_exact(&mut [0; 24])?;
    loop {
        let mut header = [[0; 4]; 4];
        for field in &mut header {
            stream.read_exact(field)?;
        }
        let [seconds, micros, length, _] = header.map(u32::from_ne_bytes);
        let mut bytes = vec![0; usize::try_from(length)?];
        stream.read_exact(&mut bytes)?;
        let time = Duration::from_secs(seconds.into()) + Duration::from_micros(micros.into());
        frames
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(Frame { time, bytes });
    }
}
