use std::net::Ipv4Addr;

use super::*;

const PEER: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 2));

#[test]
fn lines_that_people_grep_for_are_keepaliveds() {
    let table = [
        (LogLine::RemovingVips, "removing VIPs."),
        (LogLine::SettingVips, "setting VIPs."),
        (LogLine::EnteringBackupInit, "Entering BACKUP STATE (init)"),
        (LogLine::EnteringBackup, "Entering BACKUP STATE"),
        (LogLine::EnteringMaster, "Entering MASTER STATE"),
        (LogLine::EnteringFault, "Entering FAULT STATE"),
        (LogLine::AdvertTimeout, "Receive advertisement timeout"),
        (
            LogLine::BackupReceivedRelease,
            "Backup received priority 0 advertisement",
        ),
        (LogLine::SentRelease, "sent 0 priority"),
        (
            LogLine::HigherPriority {
                source: PEER,
                priority: 150,
                ours: 100,
            },
            "Master received advert from 10.0.0.2 with higher priority 150, ours 100",
        ),
        (
            LogLine::HigherAddress {
                source: PEER,
                priority: 100,
            },
            "Master received advert from 10.0.0.2 with same priority 100 but higher IP address \
             than ours",
        ),
        (
            LogLine::LowerPriority {
                source: PEER,
                priority: 90,
                ours: 100,
                answered: true,
            },
            "Received advert from 10.0.0.2 with lower priority 90, ours 100, forcing new election",
        ),
        (
            LogLine::LowerPriority {
                source: PEER,
                priority: 90,
                ours: 100,
                answered: false,
            },
            "Received advert from 10.0.0.2 with lower priority 90, ours 100",
        ),
        (
            LogLine::Discarding {
                source: PEER,
                priority: 90,
            },
            "received lower priority (90) advert from 10.0.0.2 - discarding",
        ),
        (
            LogLine::StartPreemptDelay(Duration::from_millis(60_500)),
            "start preempt delay (60.500000)",
        ),
    ];
    for (line, text) in table {
        assert_eq!(line.to_string(), text);
    }
}
