//! The words and their order are those of keepalived 2.2.7; `tests/tests/vrrp_dumps.rs` compares
//! with the real one.

use std::path::Path;

use super::*;
use crate::config::{self, FileSystem};
use crate::vrrp::settings::{Kind, Setup};
use crate::vrrp::status::{AddressStatus, Stats, TrackedStatus};

const CONFIGURATION: &str = r#"
global_defs {
    router_id A
}
vrrp_script chk {
    script "/bin/false x"
    interval 2
}
vrrp_sync_group G1 {
    group {
        VI_1
        VI_2
    }
}
vrrp_instance VI_1 {
    interface eth0
    virtual_router_id 66
    authentication {
        auth_type PASS
        auth_pass 12345678
    }
    virtual_ipaddress {
        10.0.0.100/24
        10.0.0.101
    }
    virtual_ipaddress_excluded {
        fd00::100
    }
    track_script {
        chk weight -10
    }
    notify_backup "/bin/true a"
}
vrrp_instance VI_2 {
    interface eth1
    virtual_router_id 67
    version 3
    advert_int 0.5
    nopreempt
    unicast_peer {
        10.0.0.2
    }
    virtual_ipaddress {
        10.0.0.102/32 label eth1:x
    }
}
"#;

fn with_view<T>(work: impl FnOnce(&View<'_>) -> T) -> T {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("keepalived.conf");
    std::fs::write(&path, CONFIGURATION).unwrap();
    let loaded = config::load(&FileSystem, Path::new(&path));
    assert!(!loaded.is_fatal());
    let setup = Setup::from(&loaded.config);
    let status = |(place, it): (usize, &crate::vrrp::settings::VirtualRouter)| InstanceStatus {
        name: it.name.clone(),
        interface: it.interface.clone(),
        virtual_router_id: it.virtual_router_id,
        version: it.version.number(),
        state: [State::Master, State::Fault][place],
        in_state: Duration::from_millis(1500),
        priority: it.priority,
        effective_priority: 90,
        advert_int: it.advert_int,
        source: [Some([10, 0, 0, 1].into()), None][place],
        master: None,
        master_priority: Some(90),
        faults: vec![],
        virtual_ipaddress: it
            .addresses()
            .map(|address| AddressStatus {
                address: address.address,
                dev: address.dev.clone(),
                set: place == 0,
            })
            .collect(),
        master_adver_int: it.advert_int,
        tracked: it
            .tracked
            .iter()
            .filter(|tracked| tracked.kind == Kind::Script)
            .map(|tracked| TrackedStatus {
                kind: tracked.kind,
                name: tracked.name.clone(),
                weight: -10,
                reverse: false,
                up: Some(false),
                value: None,
                adjustment: -10,
                fault: false,
            })
            .collect(),
        split_brain: None,
        sync_group: it.sync_group.clone(),
        peers: Vec::new(),
        stats: Stats {
            advert_sent: 7,
            ..Stats::default()
        },
    };
    let instances: Vec<_> = setup.instances.iter().enumerate().map(status).collect();
    work(&View {
        config: &loaded.config,
        instances: &instances,
        since_1970: Duration::from_secs(1_700_000_000),
    })
}

#[test]
fn keepalived_data() {
    insta::assert_snapshot!(with_view(data::text));
}

#[test]
fn keepalived_stats() {
    insta::assert_snapshot!(with_view(|view| stats::text(view.instances)));
}

#[test]
fn keepalived_json_of_both_versions() {
    let first = with_view(|view| json::text(view, 1).unwrap());
    insta::assert_snapshot!(first);
    let second = with_view(|view| json::text(view, 2).unwrap());
    assert_eq!(second, format!("{{\"vrrp\":{first},\"track_process\":[]}}"));
}
