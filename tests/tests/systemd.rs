//! What systemd hears of an agent (`sd_notify(3)`).

use std::os::unix::net::UnixDatagram;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result};
use lb_tests::{Layout, Mode, PATIENCE, Site, built, configurations, needs, skipped};
use nix::sys::signal::Signal;

#[test]
fn an_agent_says_when_it_is_ready_and_when_it_stops() -> Result<()> {
    if skipped(&needs::SITE) {
        return Ok(());
    }
    let site = Site::new(Layout::demo(Mode::Dr))?;
    let director = &site.directors[0];
    let directory = tempfile::tempdir()?;
    let (file, path) = (
        directory.path().join("keepalived.conf"),
        directory.path().join("notify"),
    );
    let [configuration, _] = configurations::demo(Mode::Dr);
    std::fs::write(&file, configuration)?;
    let socket = UnixDatagram::bind(&path)?;
    socket.set_read_timeout(Some(PATIENCE))?;
    let mut agent = director.start(
        Command::new(built::lb_agent()?)
            .args(["run", "--instance", director.name(), "--config"])
            .arg(&file)
            .env("NOTIFY_SOCKET", &path)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null()),
    )?;
    let hear = || -> Result<String> {
        let mut said = [0; 512];
        let length = socket.recv(&mut said).context("systemd hears nothing")?;
        Ok(String::from_utf8_lossy(&said[..length]).into_owned())
    };
    let ready = hear()?;
    assert!(ready.lines().any(|line| line == "READY=1"), "{ready}");
    // Ready is who forwards when it is MASTER.
    assert!(director.program("ens33")?.is_some());
    agent.signal(Signal::SIGTERM)?;
    while !hear()?.lines().any(|line| line == "STOPPING=1") {}
    assert!(agent.wait(Duration::from_secs(10))?.success());
    Ok(())
}
