use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::*;
use crate::config::diagnostic::Diagnostics;
use crate::config::include;
use crate::config::source::Memory;
use crate::config::text::Sources;

/// The tree in short, and the remarks with their lines.
fn tree(source: &Memory) -> (String, Vec<String>) {
    let mut diagnostics = Diagnostics::default();
    let environment = crate::config::Environment::default();
    let (sources, segments) =
        include::read(source, Path::new("/main"), &environment, &mut diagnostics);
    let mut lexer = Lexer::new(&sources, segments, &environment, &mut diagnostics);
    let mut tree = Tree::new(&mut lexer);
    let nodes = std::iter::from_fn(|| tree.next_root());
    let shown = nodes.map(|node| show(&node)).collect::<Vec<_>>().join("; ");
    let remarks = diagnostics
        .finish(&sources)
        .into_iter()
        .map(|d| placed(&d, &sources));
    (shown, remarks.collect())
}

fn placed(diagnostic: &Diagnostic, sources: &Sources) -> String {
    let span = diagnostic.span.unwrap();
    let line = sources.file(span.file).unwrap().location(span.start).line;
    format!("{line}: {}", diagnostic.message)
}

fn show(node: &Node<'_>) -> String {
    let inside = node.block.as_ref().map_or_else(String::new, |block| {
        format!(
            " {{{}}}",
            block.nodes.iter().map(show).collect::<Vec<_>>().join("; ")
        )
    });
    format!("{}{inside}", node.title())
}

#[track_caller]
fn check(text: &str, expected: &str, remarks: &[&str]) {
    let (shown, said) = tree(&Memory::default().with("/main", text));
    assert_eq!(shown, expected);
    assert_eq!(said, remarks);
}

#[test]
fn blocks_nest_wherever_their_braces_stand() {
    check("a 1 {\n b\n c { d } e\n}\nf", "a 1 {b; c {d}; e}; f", &[]);
    check("a\n{\nb\n}", "a {b}", &[]);
    check("a { b { c { d }}}", "a {b {c {d}}}", &[]);
    check("a{}b{}", "a {}; b {}", &[]);
}

#[test]
fn reading_goes_on_after_braces_that_do_not_match() {
    check("a\n}\nb { c }", "a; b {c}", &["2: this `}` closes nothing"]);
    check(
        "a {\nb {\nc\n",
        "a {b {c}}",
        &["1: `a` is not closed where its file ends: 2 `}` are missing"],
    );
    check(
        "a {\nb\n",
        "a {b}",
        &["1: `a` is not closed where its file ends: a `}` is missing"],
    );
    check(
        "{ x { y } }\nb",
        "b",
        &["1: no keyword stands before this `{`, so its block is skipped"],
    );
    check(
        "vrrp_instance A {\n state MASTER\nvrrp_instance B {\n}\n",
        "vrrp_instance A {state MASTER}; vrrp_instance B {}",
        &["1: `vrrp_instance A` is not closed: a `}` is missing"],
    );
}

#[test]
fn an_open_block_of_an_included_file_ends_with_it() {
    let source = Memory::default()
        .with("/main", "a {\ninclude part\nc\n}\nd\n")
        .with("/part", "b {\n x");
    assert_eq!(
        tree(&source),
        (
            "a {b {x}; c}; d".to_owned(),
            vec!["1: `b` is not closed where its file ends: a `}` is missing".to_owned()]
        )
    );
}

#[test]
fn a_million_open_braces_are_one_error_and_no_overflow() {
    let (shown, remarks) = tree(&Memory::default().with("/main", "a {\n".repeat(1_000_000)));
    assert!(shown.len() < 200);
    assert_eq!(remarks.len(), 2, "{remarks:?}");
    assert_eq!(
        remarks.get(1).unwrap(),
        "17: blocks are nested deeper than 16: this is skipped"
    );
}

#[test]
fn a_title_is_short() {
    let mut sources = Sources::default();
    let file = sources.add(PathBuf::from("x"), Arc::new("a".to_owned()), None);
    let word = || Word {
        text: "w".into(),
        span: Span {
            file,
            start: 0,
            end: 1,
        },
    };
    let node = Node {
        keyword: word(),
        arguments: vec![word(), word(), word()],
        block: None,
    };
    assert_eq!(node.title(), "w w w");
}
