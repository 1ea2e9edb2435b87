use clap::Parser as _;

use super::*;
use crate::cli::Command;

#[test]
fn every_shell_gets_every_subcommand_and_every_keyword() {
    for shell in [Shell::Bash, Shell::Zsh, Shell::Fish, Shell::Elvish] {
        let script = script(shell);
        for subcommand in crate::cli::Arguments::command().get_subcommands() {
            assert!(script.contains(subcommand.get_name()), "{shell}");
        }
        // Others complete no values of words without a switch.
        if matches!(shell, Shell::Bash | Shell::Zsh) {
            for name in KeywordNames.all() {
                assert!(script.contains(name), "{name} for {shell}");
            }
        }
    }
}

#[test]
fn a_keyword_may_begin_with_a_dash() {
    let line = ["lb-agent", "keyword", "-nodad"];
    let line = crate::cli::Arguments::try_parse_from(line).unwrap();
    let Command::Keyword(keyword) = &line.command else {
        panic!("{line:?}");
    };
    assert_eq!(keyword.name.as_deref(), Some("-nodad"));
    assert!(config::keyword_md("-nodad").is_ok());
    let help = crate::cli::Arguments::try_parse_from(["lb-agent", "keyword", "--help"]);
    assert!(help.is_err(), "--help is help all the same");
}

#[test]
fn a_weight_below_0_is_said_to_be_out_of_range() {
    let line = ["lb-agent", "weight", "10.0.0.1:80", "10.0.0.2", "-1"];
    let error = crate::cli::Arguments::try_parse_from(line).unwrap_err();
    assert!(
        error.to_string().contains("-1 is not in 0..=65535"),
        "{error}"
    );
}

#[test]
fn the_command_line_is_consistent() {
    crate::cli::Arguments::command().debug_assert();
}
