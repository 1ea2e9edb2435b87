use super::*;

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
fn the_command_line_is_consistent() {
    crate::cli::Arguments::command().debug_assert();
}
