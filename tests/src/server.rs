//! A web server: nginx.

use std::fs;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result};
use tempfile::TempDir;

use crate::clock::wait_until;
use crate::namespace::{Namespace, scratch};
use crate::process::Process;

/// Bytes of the page `/long`.
pub const LONG: usize = 1 << 18;

/// nginx on port 80 of every address of a machine.
///
/// Each page is `<name> <address of the client>`, so that a client can see who served it and
/// whether the server saw the client's own address; only `/long` is [`LONG`] times an `x`. Dropped, it
/// is killed.
#[derive(Debug)]
pub struct WebServer {
    _process: Process,
    _directory: TempDir,
}

impl WebServer {
    /// A server that answers each request with `status` (e.g. 200), ready when this returns.
    pub fn start(machine: &Namespace, name: &str, status: u16) -> Result<Self> {
        Self::run(machine, &page(name, status, 80, 1024))
    }

    /// The same on `port`, for so many connections at a time, which stay open as long as their clients
    /// want.
    pub fn for_many(
        machine: &Namespace,
        name: &str,
        port: u16,
        connections: usize,
    ) -> Result<Self> {
        Self::run(machine, &page(name, 200, port, connections))
    }

    /// nginx with this configuration.
    fn run(machine: &Namespace, configuration_text: &str) -> Result<Self> {
        let directory = scratch()?;
        let configuration = directory.path().join("nginx.conf");
        fs::write(&configuration, configuration_text).context("cannot write nginx.conf")?;
        fs::write(directory.path().join("long"), vec![b'x'; LONG])
            .context("cannot write a page")?;
        let mut process = machine.start(
            Command::new("nginx")
                .args(["-e", "error.log", "-c"])
                .arg(&configuration)
                .arg("-p")
                .arg(directory.path())
                .stdout(Stdio::null())
                .stderr(Stdio::null()),
        )?;
        let ready = || {
            let ended = process.ended().transpose();
            ended
                .map(|_| false)
                .or_else(|| directory.path().join("pid").exists().then_some(true))
        };
        let ready = wait_until(Duration::from_secs(10), ready);
        let log = || fs::read_to_string(directory.path().join("error.log")).unwrap_or_default();
        anyhow::ensure!(
            ready == Some(true),
            "nginx in {} does not start: {}",
            machine.name(),
            log()
        );
        Ok(Self {
            _process: process,
            _directory: directory,
        })
    }
}

/// The configuration: one process, which a kill ends, and every file in its own directory.
fn page(name: &str, status: u16, port: u16, connections: usize) -> String {
    format!(
        "daemon off;\n\
         master_process off;\n\
         pid pid;\n\
         events {{ worker_connections {connections}; }}\n\
         http {{\n\
         access_log off;\n\
         client_body_temp_path body;\n\
         proxy_temp_path proxy;\n\
         fastcgi_temp_path fastcgi;\n\
         uwsgi_temp_path uwsgi;\n\
         scgi_temp_path scgi;\n\
         default_type text/plain;\n\
         keepalive_timeout 1h;\n\
         keepalive_requests 1000000;\n\
         server {{ listen {port} backlog=4096; listen [::]:{port} backlog=4096; location / {{ return {status} \"{name} $remote_addr\\n\"; }}\n\
         location = /long {{ root .; }} }}\n\
         }}\n"
    )
}
