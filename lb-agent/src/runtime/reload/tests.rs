use super::*;
use crate::config::model::HmacKey;

const GOOD: &str = "vrrp_instance VI_1 {
    interface eth0
    virtual_router_id 51
    priority 100
    virtual_ipaddress {
        192.168.0.1
    }
}
virtual_server 192.168.0.1 80 {
    protocol TCP
    real_server 10.0.0.2 80 {
        TCP_CHECK {
        }
    }
}
";

/// The file lives as long as the folder.
fn origin(text: &str) -> (tempfile::TempDir, Origin) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("keepalived.conf");
    std::fs::write(&path, text).unwrap();
    let environment = Environment::default();
    let origin = Origin {
        path,
        environment,
        parts: Parts::default(),
    };
    (folder, origin)
}

fn current() -> Config {
    let (_folder, origin) = origin(GOOD);
    origin.load().config
}

#[test]
fn what_differs_is_told_in_a_few_lines() {
    let text = GOOD
        .replace("priority 100", "priority 90")
        .replace("192.168.0.1 80", "192.168.0.1 443")
        .replace(
            "vrrp_instance",
            "global_defs {\n    router_id lb9\n}\nvrrp_instance",
        );
    let (_folder, origin) = origin(&text);
    let prepared = prepare(&origin, &current(), &Errors::new(), 1).unwrap();
    assert_eq!(
        summary(&prepared.changes),
        [
            "vrrp_instance VI_1: priority",
            "virtual servers: 1 new, 1 removed",
            "global_defs: router_id",
        ]
    );
    assert_eq!(prepared.services.len(), 1);
}

#[test]
fn a_fatal_file_is_refused_with_its_places_and_the_status_of_check() {
    let (_folder, origin) = origin(&GOOD.replace("virtual_router_id 51", "virtual_router_id"));
    let refused = prepare(&origin, &current(), &Errors::new(), 1).unwrap_err();
    assert_eq!(refused.exit_status, 2);
    assert!(refused.remarks.contains("virtual_router_id"), "{refused:?}");
    assert!(refused.why.contains("as it was"));
}

#[test]
fn an_error_that_runs_already_is_no_reason_and_a_new_one_is() {
    let (folder, origin) = origin(&format!("{GOOD}includea /no/such/file\n"));
    let mut current = current();
    let none = Errors::new();
    let refused = prepare(&origin, &current, &none, 1).unwrap_err();
    assert_eq!(refused.exit_status, 6);
    assert!(refused.why.contains("does not have"), "{refused}");
    let known = errors(&origin.load());
    assert_eq!(prepare(&origin, &current, &known, 1).unwrap().errors, known);
    let log = folder.path().join("log");
    current.global_defs.reload.reload_check_config = true;
    current.global_defs.reload.reload_check_config_log = Some(log.clone());
    let refused = prepare(&origin, &current, &known, 1).unwrap_err();
    assert!(refused.why.contains("`reload_check_config`"), "{refused}");
    assert_eq!(std::fs::read_to_string(log).unwrap(), refused.remarks);
}

#[test]
fn what_needs_a_new_start_is_said() {
    let old = current();
    let mut new = current();
    assert_eq!(fixed(&old, &new), Vec::<String>::new());
    new.global_defs.xdp_mode = config::model::XdpMode::Generic;
    new.environment.net_namespace = Some("blue".into());
    // The next file is written with it.
    new.global_defs.process.umask = 0o22;
    let lines = fixed(&old, &new);
    assert_eq!(lines.len(), 2, "{lines:?}");
    assert!(
        lines[0].starts_with("`net_namespace`:")
            && lines[1].starts_with("`xdp_mode` of interfaces")
    );
}

#[test]
fn what_is_not_taken_back_is_said() {
    let (mut old, new) = (current(), current());
    old.global_defs.vrrp.disable_local_igmp = true;
    let [line] = &fixed(&old, &new)[..] else {
        panic!("one line")
    };
    assert!(
        line.starts_with("`disable_local_igmp`, which is not taken back:"),
        "{line}"
    );
    assert!(fixed(&new, &old).is_empty(), "it is set at once");
}

#[test]
fn a_key_that_cannot_be_read_is_a_reason_and_the_old_one_stays_in_force() {
    let signed = |key: &str| {
        let auth = format!("auth_hmac {{\n        key 1 file:{key}\n    }}\n    virtual_ipaddress");
        GOOD.replacen("virtual_ipaddress", &auth, 1)
    };
    let (folder, origin) = origin(&signed("/no/such/key"));
    let refused = prepare(&origin, &current(), &Errors::new(), 1).unwrap_err();
    let said = "(VI_1) auth_hmac: cannot read key 1: /no/such/key";
    assert!(refused.why.starts_with(said), "{refused}");
    assert!(
        refused.why.ends_with("everything goes on as it was"),
        "{refused}"
    );
    let key = folder.path().join("key");
    std::fs::write(&key, "0123456789abcdef0123456789abcdef\n").unwrap();
    std::fs::write(&origin.path, signed(&key.display().to_string())).unwrap();
    let prepared = prepare(&origin, &current(), &Errors::new(), 1).unwrap();
    let keys = &prepared.setup.instances[0].auth_hmac.as_ref().unwrap().key;
    let read = |(_, key): &(u8, HmacKey)| matches!(key, HmacKey::Bytes(_));
    assert!(keys.iter().all(read), "{keys:?}");
}
