//! The sync daemon.

use anyhow::Result;
use lb_agent::net::ipvs::{Change, Ipvs, Role, SyncDaemon};

use crate::ipvsadm::ipvsadm;
use crate::machine;

#[test]
fn sync_daemons_start_are_listed_and_stop() -> Result<()> {
    let Some(machine) = machine()? else {
        return Ok(());
    };
    for command in [
        "link add left type veth peer name right",
        "address add 10.9.9.1/24 dev left",
        "link set left up",
        "link set right up",
    ] {
        machine.ip(command)?;
    }
    let whole = SyncDaemon {
        role: Role::Backup,
        interface: "left".to_owned(),
        sync_id: 5,
        max_length: Some(1400),
        group: Some("224.0.0.82".parse()?),
        port: Some(8849),
        ttl: Some(3),
    };
    let bare = SyncDaemon {
        role: Role::Master,
        max_length: None,
        group: None,
        port: None,
        ttl: None,
        ..whole.clone()
    };
    machine.enter(|| {
        let mut ipvs = Ipvs::open()?;
        ipvs.change(&Change::StartDaemon(whole.clone()))?;
        ipvs.change(&Change::StartDaemon(bare.clone()))?;
        // The kernel says what it has chosen: 1500 less the headers of IP and UDP, and so on.
        let chosen = SyncDaemon {
            max_length: Some(1472),
            group: Some("224.0.0.81".parse()?),
            port: Some(8848),
            ttl: Some(1),
            ..bare.clone()
        };
        assert_eq!(ipvs.daemons()?, [chosen, whole.clone()]);
        let list = ipvsadm("-L --daemon")?;
        assert!(
            list.contains("backup sync daemon (mcast=left, syncid=5, maxlen=1400, group=224.0.0.82, port=8849, ttl=3)"),
            "{list}"
        );
        let error = ipvs.change(&Change::StartDaemon(whole.clone())).unwrap_err();
        assert!(error.to_string().contains("of this role runs already"), "{error}");
        for role in [Role::Master, Role::Backup] {
            ipvs.change(&Change::StopDaemon(role))?;
        }
        assert_eq!(ipvs.daemons()?, []);
        let error = ipvs.change(&Change::StopDaemon(Role::Master)).unwrap_err();
        assert!(error.to_string().contains("none of this role runs"), "{error}");
        Ok(())
    })
}
