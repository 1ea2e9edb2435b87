use std::os::unix::fs::PermissionsExt as _;

use super::*;

#[test]
fn names_are_keepaliveds_unless_the_configuration_has_others() {
    let mut config = Config::default();
    let names = |config: &Config| {
        [Dump::Data, Dump::Stats, Dump::StatsClear, Dump::Json]
            .map(|dump| path(dump, config, "two").display().to_string())
    };
    let [data, stats, json] = ["data", "stats", "json"].map(|it| format!("/tmp/keepalived.{it}"));
    assert_eq!(
        names(&config),
        [&data, &stats, &stats, &json].map(Clone::clone)
    );
    config.global_defs.dump.data_use_instance = true;
    assert_eq!(names(&config)[0], "/tmp/keepalived.two.data");
    config.environment.instance = Some("I1".into());
    assert_eq!(names(&config)[0], "/tmp/keepalived.I1.data");
    config.global_defs.dump.json_dump_file = Some("/run/x".into());
    assert_eq!(names(&config)[3], "/run/x");
}

#[test]
fn a_file_replaces_what_was_there_and_has_the_mode_of_umask() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("keepalived.data");
    let elsewhere = folder.path().join("elsewhere");
    std::os::unix::fs::symlink(&elsewhere, &path).unwrap();
    replace(&path, "text", 0o640).unwrap();
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "text");
    let mode = std::fs::symlink_metadata(&path)
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o640);
    assert!(!elsewhere.exists(), "nothing is written through a link");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[tokio::test]
async fn cleared_counters_are_those_of_the_instance_wherever_it_stands() {
    let sent = |advert_sent| Stats {
        advert_sent,
        ..Stats::default()
    };
    let mut dumps = Dumps::new().unwrap();
    dumps.cleared = BTreeMap::from([("VI_1".into(), sent(10)), ("VI_2".into(), sent(100))]);
    // A reload has put another one in front.
    let now = [("VI_0", 1), ("VI_2", 103), ("VI_1", 12)];
    let since = now.map(|(name, now)| dumps.since(name, sent(now)).advert_sent);
    assert_eq!(since, [1, 3, 2]);
}
