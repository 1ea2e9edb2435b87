//! What systemd hears of an agent (`sd_notify(3)`).

use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result};
use lb_agent::config::{Memory, load};
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

/// The unit of the package.
const UNIT: &str = include_str!("../../dist/lb-agent.service");

/// Otherwise it is started every few seconds, for ever.
#[test]
fn what_cannot_be_used_is_not_started_again() -> Result<()> {
    let mut lines = UNIT.lines();
    let prevented = lines
        .find_map(|line| line.strip_prefix("RestartPreventExitStatus="))
        .context("the unit names no exit status")?;
    let prevented: Vec<&str> = prevented.split(' ').collect();
    let instance = |name: &str| {
        format!(
            "vrrp_instance {name} {{\n    interface eth0\n    virtual_router_id 51\n    \
             no_virtual_ipaddress\n}}\n"
        )
    };
    let table = [
        ("\u{0}\u{1}".repeat(1000), 4),
        ("vrrp_script {\n}\n".to_owned(), 2),
        (instance("A") + &instance("B"), 5),
    ];
    for (text, status) in table {
        let loaded = load(
            &Memory::default().with("/main", text.as_str()),
            Path::new("/main"),
        );
        assert!(loaded.is_fatal(), "{text}");
        assert_eq!(loaded.exit_status(), status, "{text}");
        assert!(prevented.contains(&status.to_string().as_str()), "{text}");
    }
    // `run --strict` ends with it as well.
    assert!(prevented.contains(&"6"));
    Ok(())
}
