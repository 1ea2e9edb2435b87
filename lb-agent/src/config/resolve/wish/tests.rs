use std::path::Path;

use super::*;
use crate::config::{Memory, load};

const INSTANCE: &str = "
vrrp_instance A {
    state MASTER
    priority 100
    interface eth0
    virtual_router_id 51
    MORE
    virtual_ipaddress {
        10.0.0.1
    }
}
";

const AH: &str = "authentication {\n auth_type AH\n auth_pass abc\n }";

const GROUP: &str = "vrrp_sync_group G {\n group {\n A\n }\n}\n";

/// How A begins, and what is said about it.
fn begins(text: &str) -> (InitialState, Vec<String>) {
    let loaded = load(&Memory::default().with("/x", text), Path::new("/x"));
    let said = loaded.diagnostics.into_iter().map(|one| one.message);
    (loaded.config.vrrp_instances[0].state, said.collect())
}

/// As `keepalived -d` of 2.2.7 says it.
#[test]
fn who_begins_as_master_is_who_does_so_with_keepalived() {
    let alone = INSTANCE.replace("MORE", "");
    assert_eq!(begins(&alone).0, InitialState::Master);
    let grouped = format!("{alone}{GROUP}");
    let (state, said) = begins(&grouped);
    assert_eq!(state, InitialState::Backup);
    let lonely = "vrrp_sync_group `G` has one instance only: there is nothing to keep in step";
    assert_eq!(said, [lonely]);
    let owner = grouped.replace("priority 100", "priority 255");
    assert_eq!(begins(&owner).0, InitialState::Master);
    let signed = INSTANCE.replace("MORE", AH);
    let (state, said) = begins(&signed);
    assert_eq!(state, InitialState::Backup);
    assert!(
        said[0].contains("does not go with `auth_type AH`"),
        "{said:?}"
    );
    let owner = signed.replace("priority 100", "priority 255");
    assert_eq!(begins(&owner), (InitialState::Master, Vec::new()));
}
