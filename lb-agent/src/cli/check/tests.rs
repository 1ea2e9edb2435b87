use clap::Parser as _;

use super::*;
use crate::cli::Command;

#[test]
fn the_file_stands_alone_or_behind_its_switch_but_not_both() {
    let file = |line: &str| {
        let line = crate::cli::Arguments::try_parse_from(line.split(' '));
        line.map(|line| match line.command {
            Command::Check(arguments) => arguments.configuration().config,
            other => panic!("{other:?}"),
        })
    };
    for line in [
        "lb-agent check /x.conf",
        "lb-agent check --strict /x.conf",
        "lb-agent check -f /x.conf",
        "lb-agent check --config /x.conf --explain",
    ] {
        assert_eq!(file(line).unwrap(), Path::new("/x.conf"), "{line}");
    }
    assert_eq!(
        file("lb-agent check").unwrap(),
        Path::new(crate::cli::DEFAULT_CONFIG)
    );
    for line in [
        "lb-agent check -f /x.conf /y.conf",
        "lb-agent check /x.conf /y.conf",
    ] {
        assert!(file(line).is_err(), "{line}");
    }
}
