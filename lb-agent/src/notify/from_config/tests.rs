use super::*;
use crate::config::{Memory, load};

fn settings(text: &str) -> Settings {
    let loaded = load(&Memory::default().with("/main", text), "/main".as_ref());
    let config = loaded.config;
    let programs = Programs::new(config.global_defs.scripts.clone(), None);
    Settings::new(&config, &programs, "ka-1.example")
}

const INSTANCE: &str = "vrrp_instance VI_1 {\ninterface eth0\nvirtual_router_id 51\n\
                        no_virtual_ipaddress\n";

#[test]
fn everything_that_is_not_said_has_keepaliveds_default() {
    let settings = settings(&format!(
        "global_defs {{\nsmtp_server mx.example\nnotification_email {{\na@example.com\n}}\n\
         script_user root\nnotify_fifo /run/f\nvrrp_notify_fifo /run/v root\n}}\n\
         {INSTANCE}notify_master \"/bin/true one\"\nnotify /bin/true\n}}"
    ));
    assert_eq!(settings.router_id, "ka-1.example");
    let mail = settings.mail.unwrap();
    assert_eq!(mail.server.to_string(), "[mx.example]:25");
    assert_eq!(mail.helo_name, "ka-1.example");
    let user = User::own().name();
    assert_eq!(mail.envelope.from, format!("{user}@ka-1.example"));
    let [told] = &settings.instances[..] else {
        panic!("one instance")
    };
    assert_eq!(told.subject, Subject::Instance("VI_1".into()));
    assert!(!told.smtp_alert && !told.notify_priority_changes);
    let master = told.scripts.master.as_ref().unwrap();
    assert_eq!(master.arguments, ["one"]);
    assert!(told.scripts.generic.is_some() && told.scripts.backup.is_none());
    // keepalived 2.2.7: umask 0177, the owner is script_user.
    for ((audience, fifo), (expected, kind)) in settings
        .fifos
        .iter()
        .zip([(Audience::All, ""), (Audience::Vrrp, "vrrp ")])
    {
        assert_eq!((*audience, fifo.kind, fifo.mode), (expected, kind, 0o600));
        assert_eq!(fifo.owner, Some(User::ROOT));
    }
}

#[test]
fn nobody_gets_mail_without_a_server_or_an_address() {
    for lines in ["smtp_server mx", "notification_email {\na@example.com\n}"] {
        let settings = settings(&format!("global_defs {{\n{lines}\n}}"));
        assert!(settings.mail.is_none(), "{lines}");
    }
}

#[test]
fn one_file_is_one_fifo() {
    let settings = settings(
        "global_defs {\nnotify_fifo /run/f root\nvrrp_notify_fifo /run/f root\n\
         lvs_notify_fifo /run/l root\n}",
    );
    let audiences: Vec<Audience> = settings.fifos.iter().map(|(whose, _)| *whose).collect();
    assert_eq!(audiences, [Audience::All, Audience::Lvs]);
}
