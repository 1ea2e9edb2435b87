use super::*;

fn instance(what: What, priority: u8) -> Event {
    Event {
        subject: Subject::Instance("VI_1".into()),
        what,
        priority,
    }
}

#[test]
fn arguments_and_lines_are_keepaliveds() {
    let group = Event {
        subject: Subject::Group("G1".into()),
        what: What::Entered(State::Backup),
        priority: 0,
    };
    for (event, arguments, line) in [
        (
            instance(What::Entered(State::Master), 100),
            "INSTANCE VI_1 MASTER 100",
            "INSTANCE \"VI_1\" MASTER 100\n",
        ),
        (
            instance(What::Priority(State::Backup), 70),
            "INSTANCE VI_1 BACKUP_PRIORITY 70",
            "INSTANCE \"VI_1\" BACKUP_PRIORITY 70\n",
        ),
        (
            instance(What::MasterRxLowerPri, 100),
            "INSTANCE VI_1 MASTER_RX_LOWER_PRI 100",
            "INSTANCE \"VI_1\" MASTER_RX_LOWER_PRI 100\n",
        ),
        (group, "GROUP G1 BACKUP 0", "GROUP \"G1\" BACKUP 0\n"),
    ] {
        assert_eq!(event.arguments().join(" "), arguments);
        assert_eq!(event.line().as_deref(), Some(line));
    }
    assert_eq!(
        real_server_line("[10.0.0.2]:tcp:80", "[192.168.0.1]:tcp:80", false),
        "RS [10.0.0.2]:tcp:80 [192.168.0.1]:tcp:80 DOWN\n"
    );
    assert_eq!(
        virtual_server_line("[192.168.0.1]:tcp:80", true),
        "VS [192.168.0.1]:tcp:80 UP\n"
    );
}

#[test]
fn a_split_brain_names_the_other_master_and_is_no_line_of_keepaliveds() {
    let rival = Rival {
        address: [10, 0, 0, 2].into(),
        mac: Some([2, 0, 0, 0, 0, 0x1f]),
    };
    for (rival, arguments) in [
        (
            Some(rival),
            "INSTANCE VI_1 SPLIT_BRAIN 100 10.0.0.2 02:00:00:00:00:1f",
        ),
        (
            Some(Rival { mac: None, ..rival }),
            "INSTANCE VI_1 SPLIT_BRAIN 100 10.0.0.2 -",
        ),
        (None, "INSTANCE VI_1 SPLIT_BRAIN_HEALED 100"),
    ] {
        let event = instance(What::SplitBrain(rival), 100);
        assert_eq!(event.arguments().join(" "), arguments);
        assert_eq!(event.line(), None);
        assert_eq!(event.mail("RTR"), None);
    }
}

#[test]
fn mails_are_keepaliveds() {
    let mail = |event: &Event| event.mail("RTR").map(|mail| (mail.subject, mail.body));
    let pair = |subject: &str, body: &str| Some((subject.into(), body.into()));
    assert_eq!(
        mail(&instance(What::Entered(State::Master), 255)),
        pair(
            "[RTR] VRRP Instance VI_1 - Entering MASTER state",
            "=> VRRP Instance is now owning VRRP VIPs <="
        )
    );
    let group = Event {
        subject: Subject::Group("G1".into()),
        ..instance(What::Entered(State::Backup), 0)
    };
    assert_eq!(
        mail(&group),
        pair(
            "[RTR] VRRP Group G1 - Entering BACKUP state",
            "=> All VRRP group instances are now in BACKUP state <="
        )
    );
    assert_eq!(mail(&instance(What::MasterRxLowerPri, 1)), None);
    let server = real_server_mail(
        "RTR",
        "[10.0.0.2]:tcp:80",
        "[192.168.0.1]:tcp:80",
        true,
        "TCP CHECK succeed on service",
    );
    assert_eq!(
        (server.subject.as_str(), server.body.as_str()),
        (
            "[RTR] Realserver [10.0.0.2]:tcp:80 of virtual server [192.168.0.1]:tcp:80 - UP",
            "=> TCP CHECK succeed on service <="
        )
    );
}
