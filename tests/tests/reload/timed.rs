//! Reloads at a time that a file names, and what is kept of each reload.

use std::fs;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result};
use lb_tests::{Agent, Namespace, checked, needs, skipped, wait_until};

/// For a reload of a small file on a loaded machine.
const PATIENCE: Duration = Duration::from_mins(1);

const TEXT: &str = "
global_defs {
    reload_time_file FOLDER/when
    config_save_dir FOLDER/saved
}
vrrp_instance VI_1 {
    interface lo
    virtual_router_id 51
    priority 100
    virtual_ipaddress {
        10.77.0.1/32
    }
}
";

/// A moment as `reload_time_file` has it, fifteen seconds from now: a busy machine has looked at the
/// file by then.
fn soon() -> Result<String> {
    checked(Command::new("date").args(["--utc", "--date", "15 seconds", "+%Y-%m-%d %H:%M:%SZ"]))
}

#[test]
fn a_reload_comes_at_the_time_in_reload_time_file_and_config_save_dir_keeps_what_was() -> Result<()>
{
    if skipped(&needs::SITE) {
        return Ok(());
    }
    let folder = tempfile::tempdir()?;
    let text = TEXT.replace("FOLDER", &folder.path().display().to_string());
    let director = Namespace::new("timed")?;
    let mut agent = Agent::start(&director, &text)?;
    agent.wait_for("VI_1", PATIENCE)?;
    agent.rewrite(&text.replace("priority 100", "priority 90"))?;
    let when = folder.path().join("when");
    fs::write(&when, soon()?)?;
    agent.wait_for("Scheduling reload for", PATIENCE)?;
    agent.wait_for("Reload: vrrp_instance VI_1: priority", PATIENCE)?;
    agent.wait_for("Reload complete", PATIENCE)?;
    assert!(!when.exists(), "the file is removed when its time has come");
    assert!(agent.log().matches("Reloading ...").count() == 1);

    let pid = agent.id();
    let saved = |name: &str| {
        let path = folder.path().join("saved").join(name);
        wait_until(PATIENCE, || fs::read_to_string(&path).ok())
            .with_context(|| format!("no {}", path.display()))
    };
    let first = saved(&format!("keepalived.conf.{pid}.0"))?;
    assert!(first.contains("priority 100"), "{first}");
    let second = saved(&format!("keepalived.conf.{pid}.1"))?;
    assert!(second.contains("priority 90"), "{second}");
    let before = saved(&format!("keepalived_vrrp.{pid}.1.pre"))?;
    assert!(before.contains("Priority = 100"), "{before}");
    let after = saved(&format!("keepalived_vrrp.{pid}.1.post"))?;
    assert!(after.contains("Priority = 90"), "{after}");

    // A time that is none is said, and nothing is reloaded.
    fs::write(&when, "soon\n")?;
    agent.wait_for("`soon` is not a time to reload at", PATIENCE)?;
    assert!(agent.log().matches("Reloading ...").count() == 1);
    Ok(())
}
