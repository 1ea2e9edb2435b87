use super::*;

fn settings(instance: Option<&str>) -> LvsSyncDaemon {
    LvsSyncDaemon {
        instance: instance.map(str::to_owned),
        ..LvsSyncDaemon::new("eth0".to_owned())
    }
}

fn roles(daemons: &[SyncDaemon]) -> Vec<(Role, u8)> {
    daemons.iter().map(|it| (it.role, it.sync_id)).collect()
}

#[test]
fn the_daemon_follows_the_instance_and_has_its_vrid() {
    let of = |instance| roles(&wanted(&settings(Some("VI_1")), instance));
    assert_eq!(of(Some((51, true))), [(Role::Master, 51)]);
    assert_eq!(of(Some((51, false))), [(Role::Backup, 51)]);
    assert_eq!(of(None), [(Role::Backup, 0)]);
    let both = roles(&wanted(&settings(None), None));
    assert_eq!(both, [(Role::Master, 0), (Role::Backup, 0)]);
    let named = LvsSyncDaemon {
        id: Some(7),
        ..settings(Some("VI_1"))
    };
    assert_eq!(
        roles(&wanted(&named, Some((51, true)))),
        [(Role::Master, 7)]
    );
}

#[test]
fn what_runs_as_wanted_stays_and_the_rest_changes_places() {
    let master = wanted(&settings(Some("VI_1")), Some((51, true)));
    let backup = wanted(&settings(Some("VI_1")), Some((51, false)));
    // The kernel says what it has chosen.
    let runs = |daemon: &SyncDaemon| SyncDaemon {
        max_length: Some(1472),
        port: Some(8848),
        ttl: Some(1),
        group: Some("224.0.0.81".parse().unwrap()),
        ..daemon.clone()
    };
    let running: Vec<_> = backup.iter().map(runs).collect();
    assert_eq!(plan(&backup, &running), []);
    assert_eq!(
        plan(&master, &running),
        [
            Change::StopDaemon(Role::Backup),
            Change::StartDaemon(master[0].clone())
        ]
    );
    assert_eq!(plan(&[], &running), [Change::StopDaemon(Role::Backup)]);
    let other = SyncDaemon {
        sync_id: 9,
        ..running[0].clone()
    };
    assert_eq!(
        plan(&backup, &[other]),
        [
            Change::StopDaemon(Role::Backup),
            Change::StartDaemon(backup[0].clone())
        ]
    );
}
