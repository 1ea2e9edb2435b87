use std::path::Path;

use super::*;
use crate::config::{Memory, load};

/// What is said of the programs of a text; the host's interfaces are another matter.
fn check(text: &str) -> (u8, Vec<String>) {
    let mut loaded = load(&Memory::default().with("/main", text), Path::new("/main"));
    assert_eq!(loaded.exit_status(), 0, "{:?}", loaded.diagnostics);
    let remarks = scripts(&loaded.config, &loaded.mentions);
    let before = loaded.diagnostics.len();
    loaded.add(remarks);
    assert!(loaded.diagnostics.len() >= before);
    let said = loaded.diagnostics.iter();
    let said = said.filter(|one| matches!(one.code, Code::Script | Code::ScriptSecurity));
    let said = said.map(|one| {
        let line = one.span.and_then(|span| {
            loaded
                .sources
                .file(span.file)
                .map(|file| file.location(span.start))
        });
        let line = line.map_or(0, |place| place.line);
        format!("{line} {}: {}", one.severity.word(), one.message)
    });
    (loaded.exit_status(), said.collect())
}

const INSTANCE: &str = "
vrrp_instance VI_1 {
    interface eth0
    virtual_router_id 51
    virtual_ipaddress {
        10.0.0.1
    }
    LINE
}
";

fn instance(line: &str) -> String {
    INSTANCE.replace("LINE", line)
}

#[test]
fn a_file_without_scripts_has_nothing_to_do_with_their_security() {
    assert_eq!(check(&instance("")), (0, Vec::new()));
}

#[test]
fn scripts_without_enable_script_security_give_keepalived_s_status_6() {
    let text = format!(
        "global_defs {{\n    script_user root\n}}{}",
        instance("notify /bin/true")
    );
    let (status, said) = check(&text);
    assert_eq!(status, 6, "{said:?}");
    assert_eq!(said.len(), 1, "{said:?}");
    assert!(
        said[0].starts_with("10 warning: SECURITY VIOLATION - scripts are being executed"),
        "{said:?}"
    );
    let secure = text.replace("script_user", "enable_script_security\n    script_user");
    assert_eq!(check(&secure), (0, Vec::new()));
}

#[test]
fn a_tracked_script_that_is_not_there_is_an_error_at_its_line() {
    let text = format!(
        "global_defs {{\n    script_user root\n}}\nvrrp_script S {{\n    script \"/no/such/script x\"\n}}{}",
        instance("track_script {\n        S\n    }")
    );
    let (status, said) = check(&text);
    assert_eq!(status, 5, "{said:?}");
    assert_eq!(
        said,
        [
            "5 error: track script `S` will not run: Script /no/such/script cannot be accessed - \
             No such file or directory"
        ]
    );
}

#[test]
fn another_script_that_is_not_there_is_a_warning() {
    let text = format!(
        "global_defs {{\n    script_user root\n}}{}",
        instance("notify_fault /no/such/script\n    notify_stop /no/such/script")
    );
    let (status, said) = check(&text);
    assert_eq!(status, 0, "{said:?}");
    assert_eq!(said.len(), 1, "the same twice: {said:?}");
    assert!(said[0].starts_with("10 warning: notify script"), "{said:?}");
}

#[test]
fn every_keyword_that_names_a_program_is_looked_at() {
    let text = "
global_defs {
    script_user root
    startup_script /no/1
    shutdown_script /no/2
    notify_fifo /run/a
    notify_fifo_script /no/3
    vrrp_notify_fifo /run/b
    vrrp_notify_fifo_script /no/4
    lvs_notify_fifo /run/c
    lvs_notify_fifo_script /no/5
}
vrrp_script S {
    script /no/6
}
vrrp_instance VI_1 {
    interface eth0
    virtual_router_id 51
    virtual_ipaddress {
        10.0.0.1
    }
    track_script {
        S
    }
    notify_master /no/7
    notify_backup /no/8
    notify_fault /no/9
    notify_stop /no/10
    notify /no/11
    notify_master_rx_lower_pri /no/12
    notify_split_brain /no/13
}
vrrp_sync_group G {
    group {
        VI_1
    }
    notify_master /no/14
}
virtual_server 10.0.0.1 80 {
    protocol TCP
    lb_algo rr
    lb_kind DR
    quorum_up /no/15
    quorum_down /no/16
    real_server 10.0.0.2 80 {
        notify_up /no/17
        notify_down /no/18
        MISC_CHECK {
            misc_path /no/19
        }
    }
}
";
    let mut loaded = load(&Memory::default().with("/main", text), Path::new("/main"));
    let remarks = scripts(&loaded.config, &loaded.mentions);
    assert!(remarks.iter().all(|one| one.span.is_some()), "{remarks:?}");
    loaded.add(remarks);
    for number in 1..=19 {
        let name = format!("Script /no/{number} cannot");
        let said = |one: &&Diagnostic| one.message.contains(&name);
        assert_eq!(loaded.diagnostics.iter().filter(said).count(), 1, "{name}");
    }
}

#[test]
fn files_of_tls_that_cannot_be_used_are_said_at_their_lines() {
    let folder = tempfile::tempdir().unwrap();
    let empty = folder.path().join("empty");
    std::fs::write(&empty, "").unwrap();
    let text = format!(
        "global_defs {{\nsmtp_server 192.0.2.1\nxdp_smtp_tls starttls\nxdp_smtp_ca {}\n}}\n\
         SSL {{\nca /no/such/ca\n}}\n",
        empty.display()
    );
    let loaded = load(&Memory::default().with("/main", &*text), Path::new("/main"));
    assert!(loaded.diagnostics.is_empty(), "{:?}", loaded.diagnostics);
    let remarks = tls_files(&loaded.config, &loaded.mentions);
    let said: Vec<String> = remarks
        .iter()
        .map(|one| {
            let span = one.span.expect("it has a place");
            let file = loaded.sources.file(span.file).unwrap();
            format!("{} {}", file.location(span.start).line, one.message)
        })
        .collect();
    let [mail, ssl] = &said[..] else {
        panic!("two: {said:?}")
    };
    assert_eq!(
        *mail,
        format!(
            "4 xdp_smtp_tls: {} holds no certificate; no mail is sent",
            empty.display()
        )
    );
    assert!(
        ssl.starts_with("7 SSL: `ca /no/such/ca` cannot be used: ")
            && ssl.ends_with("; SSL_GET does without"),
        "{ssl}"
    );
}
