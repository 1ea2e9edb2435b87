use std::fs;
use std::io::Read as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use nix::libc::O_NONBLOCK;
use tempfile::TempDir;

use super::*;
use crate::config::{Memory, load};
use crate::notify::fifo;
use crate::notify::from_config::Settings;
use crate::script::Programs;
use crate::vrrp::Change;

/// An instance and a group with scripts that write into `log`, and a FIFO.
fn telling(folder: &Path) -> Telling {
    let script = folder.join("notify.sh");
    let log = folder.join("log");
    fs::write(
        &script,
        format!("#!/bin/sh\necho \"$@\" >> {}\n", log.display()),
    )
    .unwrap();
    fs::set_permissions(&script, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let (script, fifo) = (script.display(), folder.join("fifo"));
    let user = crate::script::User::own().uid;
    let text = format!(
        "global_defs {{\nscript_user {user}\nvrrp_notify_fifo {}\n}}\n\
         vrrp_instance VI_1 {{\ninterface eth0\nvirtual_router_id 51\nno_virtual_ipaddress\n\
         notify_master \"{script} master\"\nnotify \"{script} all\"\n\
         notify_split_brain \"{script} split\"\nnotify_priority_changes\n}}\n\
         vrrp_sync_group G1 {{\ngroup {{\nVI_1\n}}\nnotify \"{script} group\"\n}}",
        fifo.display()
    );
    let config = load(&Memory::default().with("/main", text), "/main".as_ref()).config;
    let programs = Programs::new(config.global_defs.scripts.clone(), None);
    Telling::start(Settings::new(&config, &programs, "host"))
}

fn reader(folder: &Path) -> fs::File {
    let mut options = fs::OpenOptions::new();
    let options = options.read(true).custom_flags(O_NONBLOCK);
    options.open(folder.join("fifo")).unwrap()
}

#[tokio::test]
async fn a_fifo_that_somebody_has_deleted_is_another_one_after_a_reload() {
    let folder = TempDir::new().unwrap();
    let mut telling = telling(folder.path());
    fs::remove_file(folder.path().join("fifo")).unwrap();
    let settings = telling.settings.clone();
    let opened = fifo::open_all(settings.fifos.iter().map(|(_, it)| it));
    telling.replace(settings, opened);
    let mut reader = reader(folder.path());
    telling.handle_news(&News::Changed(Change {
        instance: 0,
        from: vrrp::State::Init,
        to: vrrp::State::Backup,
        priority: 100,
    }));
    telling.finish().await;
    let mut lines = String::new();
    // Nobody writes any more: the end of the file, or nothing for now.
    reader.read_to_string(&mut lines).ok();
    assert_eq!(lines, "INSTANCE \"VI_1\" BACKUP 100\n");
}

#[tokio::test]
async fn news_of_vrrp_reach_scripts_and_fifos_in_keepaliveds_words() {
    let folder = TempDir::new().unwrap();
    let telling = telling(folder.path());
    let mut reader = reader(folder.path());
    let changed = |from, to| {
        News::Changed(Change {
            instance: 0,
            from,
            to,
            priority: 100,
        })
    };
    let (init, backup, master) = (vrrp::State::Init, vrrp::State::Backup, vrrp::State::Master);
    for news in [
        changed(init, backup),
        changed(backup, master),
        News::Priority {
            instance: 0,
            state: master,
            priority: 70,
        },
        News::LowerPriority {
            instance: 0,
            priority: 70,
        },
        News::SplitBrain {
            instance: 0,
            priority: 70,
            rival: Some(instance::Rival::Advertises([10, 0, 0, 2].into())),
            mac: Some([2, 0, 0, 0, 0, 2]),
        },
        changed(master, init),
        News::Group {
            group: 0,
            to: master,
        },
    ] {
        telling.handle_news(&news);
    }
    telling.finish().await;
    let log = fs::read_to_string(folder.path().join("log")).unwrap();
    let of = |word: &str| -> Vec<String> {
        let lines = log.lines().filter(|line| line.starts_with(word));
        lines.map(Into::into).collect()
    };
    assert_eq!(of("master"), ["master"]);
    assert_eq!(
        of("all"),
        [
            "all INSTANCE VI_1 BACKUP 100",
            "all INSTANCE VI_1 MASTER 100",
            "all INSTANCE VI_1 STOP 100"
        ]
    );
    assert_eq!(
        of("split"),
        ["split INSTANCE VI_1 SPLIT_BRAIN 70 10.0.0.2 02:00:00:00:00:02"]
    );
    assert_eq!(of("group"), ["group GROUP G1 MASTER 0"]);
    let mut lines = String::new();
    // Nobody writes any more: the end of the file, or nothing for now.
    reader.read_to_string(&mut lines).ok();
    assert_eq!(
        lines,
        "INSTANCE \"VI_1\" BACKUP 100\nINSTANCE \"VI_1\" MASTER 100\n\
         INSTANCE \"VI_1\" MASTER_PRIORITY 70\nINSTANCE \"VI_1\" MASTER_RX_LOWER_PRI 70\n\
         INSTANCE \"VI_1\" STOP 100\nGROUP \"G1\" MASTER 0\n"
    );
}
