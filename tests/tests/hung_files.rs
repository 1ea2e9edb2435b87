//! A file system that answers nobody, under the files of checks, scripts and trackers: what it holds
//! up fails and says why, and nothing else is held up. It is FUSE, with nobody behind it.

use std::fmt::Write as _;
use std::fs::{self, File, OpenOptions};
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use lb_tests::{Agent, Namespace, Need, now, skipped};
use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sched::{CloneFlags, unshare};
use tempfile::TempDir;

const NEEDS: [Need; 5] = [
    Need::Root,
    Need::Namespaces,
    Need::Bpf,
    Need::Fuse,
    Need::Program("ip"),
];

/// Long enough for a busy machine; nothing waits for it when all is well.
const PATIENCE: Duration = Duration::from_mins(1);

/// More than tokio has threads for what blocks.
const SERVERS: usize = 600;

/// Over an existing folder, in the mounts of this thread only; dropped, it is gone.
struct Hanging {
    folder: std::path::PathBuf,
    device: Option<File>,
}

impl Hanging {
    fn over(folder: &Path) -> Result<Self> {
        let device = OpenOptions::new()
            .read(true)
            .write(true)
            .open("/dev/fuse")?;
        let options = format!(
            "fd={},rootmode=40000,user_id=0,group_id=0",
            device.as_raw_fd()
        );
        let (none, flags) = (Some("none"), MsFlags::MS_NOSUID);
        mount(none, folder, Some("fuse"), flags, Some(options.as_str()))
            .context("cannot mount FUSE")?;
        Ok(Self {
            folder: folder.to_owned(),
            device: Some(device),
        })
    }
}

impl Drop for Hanging {
    fn drop(&mut self) {
        // Whoever waits for an answer has an error now.
        self.device = None;
        umount2(&self.folder, MntFlags::MNT_DETACH).ok();
    }
}

/// Does `work` with mounts of its own.
fn apart(work: impl FnOnce() -> Result<()> + Send) -> Result<()> {
    let work = || {
        unshare(CloneFlags::CLONE_NEWNS)?;
        let private = MsFlags::MS_REC | MsFlags::MS_PRIVATE;
        mount(None::<&str>, "/", None::<&str>, private, None::<&str>)?;
        work()
    };
    thread::scope(|scope| {
        let done = scope.spawn(work).join();
        done.unwrap_or_else(|_| Err(anyhow!("it panicked")))
    })
}

/// [`SERVERS`] with a file each, one with a script, one with nothing in `folder`.
fn configuration(folder: &Path) -> Result<String> {
    let folder = folder.display();
    let mut text = "global_defs {\n script_user root\n xdp_mode generic\n}\n".to_owned();
    for number in 0..SERVERS {
        write!(
            text,
            "track_file f{number} {{\n file {folder}/{number}\n}}\n"
        )?;
    }
    text.push_str(
        "virtual_server 192.0.2.1 80 {\n delay_loop 1\n warmup 0\n connect_timeout 1\n lb_algo rr\n \
         lb_kind DR\n protocol TCP\n",
    );
    for number in 0..SERVERS {
        write!(
            text,
            " real_server 10.0.{}.{} 80 {{\n  FILE_CHECK {{\n   track_file f{number}\n  }}\n }}\n",
            number / 250,
            number % 250 + 1
        )?;
    }
    write!(
        text,
        " real_server 10.0.9.1 80 {{\n  MISC_CHECK {{\n   misc_path {folder}/script\n   misc_timeout \
         1\n  }}\n }}\n real_server 10.0.9.2 80 {{\n  notify_down {folder}/script\n  MISC_CHECK {{\n   \
         misc_path \"/bin/sh -c '[ ! -e {folder}.down ]'\"\n  }}\n }}\n}}\n"
    )?;
    Ok(text)
}

fn threads(agent: &Agent) -> Result<usize> {
    let status = fs::read_to_string(format!("/proc/{}/status", agent.id()))?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("Threads:"));
    Ok(line.context("no Threads")?.trim().parse()?)
}

#[test]
fn a_file_system_that_hangs_fails_its_own_checks_and_holds_up_no_other() -> Result<()> {
    if skipped(&NEEDS) {
        return Ok(());
    }
    let machine = Namespace::new("hung")?;
    machine.ip("link add v0 type veth peer name v1")?;
    machine.ip("link set v0 up")?;
    machine.ip("link set v1 up")?;
    machine.ip("address add 192.0.2.1/24 dev v0")?;
    apart(|| {
        let parent = TempDir::new()?;
        let folder = parent.path().join("files");
        fs::create_dir(&folder)?;
        let script = folder.join("script");
        fs::write(&script, "#!/bin/sh\n")?;
        fs::set_permissions(&script, fs::Permissions::from_mode(0o755))?;
        let mut agent = Agent::start(&machine, &configuration(&folder)?)?;
        let last = format!(
            "[10.0.{}.{}]:tcp:80",
            (SERVERS - 1) / 250,
            (SERVERS - 1) % 250 + 1
        );
        agent.wait_for(&format!("FILE_CHECK on service {last} success"), PATIENCE)?;
        agent.wait_for(
            "[10.0.9.2]:tcp:80 VS [192.0.2.1]:tcp:80] by [/bin/sh] succeeded",
            PATIENCE,
        )?;

        let hanging = Hanging::over(&folder)?;
        let hung_since = now();
        agent.wait_for(
            &format!(
                "FILE_CHECK on service {last} failed. the file could not be read within 1s: does its \
                 file system hang?"
            ),
            PATIENCE,
        )?;
        agent.wait_for(
            "(not started within 1s: does the file system of the script hang?)",
            PATIENCE,
        )?;
        // A server elsewhere goes down meanwhile, though its notify script hangs, and comes back.
        let said = agent.log().len();
        fs::write(parent.path().join("files.down"), "")?;
        agent.wait_for_after(
            said,
            "[10.0.9.2]:tcp:80 VS [192.0.2.1]:tcp:80] by [/bin/sh] failed",
            PATIENCE,
        )?;
        fs::remove_file(parent.path().join("files.down"))?;
        agent.wait_for_after(
            said,
            "[10.0.9.2]:tcp:80 VS [192.0.2.1]:tcp:80] by [/bin/sh] succeeded",
            PATIENCE,
        )?;
        // Each file was asked for several times by now.
        thread::sleep(Duration::from_secs(4).saturating_sub(hung_since.elapsed()));
        let threads = threads(&agent)?;
        assert!(threads < 64, "{threads} threads");
        let dumped = agent.dump("checks")?;
        assert!(dumped.contains("does its file system hang"), "{dumped}");
        // Nobody knows whether the scripts are there: what runs goes on.
        let told = agent.tell("reload")?;
        let why = format!("does not answer: {}", folder.display());
        assert!(
            told.status == Some(1) && told.error.contains(&why),
            "{told:?}"
        );

        let said = agent.log().len();
        drop(hanging);
        agent.wait_for_after(
            said,
            &format!("FILE_CHECK on service {last} success"),
            PATIENCE,
        )?;
        let up = format!("by [{}] succeeded", script.display());
        agent.wait_for_after(said, &up, PATIENCE)?;
        assert!(agent.terminate()?.status.success());
        Ok(())
    })
}

#[test]
fn an_agent_starts_though_the_folder_of_its_scripts_hangs_and_ends_at_once() -> Result<()> {
    if skipped(&NEEDS) {
        return Ok(());
    }
    let machine = Namespace::new("hungstart")?;
    machine.ip("link add v0 type veth peer name v1")?;
    machine.ip("link set v0 up")?;
    machine.ip("link set v1 up")?;
    machine.ip("address add 192.0.2.1/24 dev v0")?;
    apart(|| {
        let folder = TempDir::new()?;
        let _hanging = Hanging::over(folder.path())?;
        let fifo = folder.path().join("fifo");
        let line = format!("global_defs {{\n notify_fifo {}\n", fifo.display());
        let text = configuration(folder.path())?.replacen("global_defs {\n", &line, 1);
        let mut agent = Agent::start(&machine, &text)?;
        let line = format!(
            "Unable to open notify fifo {} - its file system does not answer; nobody is told there",
            fifo.display()
        );
        agent.wait_for(&line, PATIENCE)?;
        let script = folder.path().join("script");
        let line = format!(
            "Script {} cannot be accessed - its file system does not answer",
            script.display()
        );
        agent.wait_for(&line, PATIENCE)?;
        agent.wait_for(
            "[10.0.9.2]:tcp:80 VS [192.0.2.1]:tcp:80] by [/bin/sh] succeeded",
            PATIENCE,
        )?;
        assert!(agent.terminate()?.status.success());
        Ok(())
    })
}
