use std::path::Path;

use super::*;
use crate::config::load;
use crate::config::source::Memory;

fn page(text: &str, colour: bool) -> String {
    let source = Memory::default()
        .with("/k.conf", text)
        .with("/part", "vrrp_instance B {\n");
    render(&load(&source, Path::new("/k.conf")), colour)
}

#[test]
fn remarks_show_file_line_column_the_line_and_the_word() {
    insta::assert_snapshot!(page(
        "global_defs {\n\trouter_idd x\n}\ninclude part\nvrrp_instance A {\n    state MASTER\n    \
         nopreempt\n    virtual_router_id 300 # 备机 comment\n}\n",
        false
    ));
}

#[test]
fn wide_characters_and_long_lines_stay_in_their_columns() {
    let long = format!("vrrp_instance A {{\n x{} priority\n}}\n", " y".repeat(200));
    insta::assert_snapshot!(page(
        &format!(
            "备机配置 参数\nglobal_defs {{\n router_id a {}\n}}\n{long}",
            "b ".repeat(150)
        ),
        false
    ));
}

#[test]
fn colour_comes_only_when_asked_for_and_nothing_else_reaches_the_terminal() {
    let evil = "x\u{1b}[2J\u{7}y z\n";
    assert!(!page(evil, false).contains(['\u{1b}', '\u{7}']));
    let coloured = page(evil, true);
    assert!(coloured.starts_with("\u{1b}[1;33mwarning[unknown-keyword]\u{1b}[0m"));
    assert!(!coloured.contains("\u{1b}[2J"));
}

#[test]
fn nothing_to_say_is_said_by_nothing() {
    assert_eq!(page("", false), "");
}

#[test]
fn the_form_for_machines_is_stable() {
    let source =
        Memory::default().with("/k.conf", "vrrp_instance A {\n state MASTER\n nopreempt\n}");
    let entries = report(&load(&source, Path::new("/k.conf")));
    insta::assert_snapshot!(serde_json::to_string_pretty(&entries).unwrap());
}

#[test]
fn a_brace_behind_a_password_is_shown_and_the_password_is_not() {
    let text = "vrrp_instance A {\nauthentication { auth_type PASS\nauth_pass secret12345 }\n}\n";
    let source = Memory::default().with("/k.conf", text);
    let loaded = load(&source, Path::new("/k.conf"));
    let shown = render(&loaded, false);
    assert!(shown.contains("auth_pass *********** }\n"), "{shown}");
    assert!(!shown.contains("secret"), "{shown}");
}
