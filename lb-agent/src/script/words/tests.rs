use proptest::prelude::*;

use super::*;

fn cut(line: &str) -> Vec<String> {
    Words::cut(line).unwrap().iter().map(Into::into).collect()
}

#[test]
fn blanks_separate_and_quotes_keep() {
    for (line, words) in [
        ("", &[][..]),
        ("  /x   a\tb ", &["/x", "a", "b"]),
        ("'/a b.sh' one", &["/a b.sh", "one"]),
        (r#"/x "a 'b' c" 'd "e"'"#, &["/x", "a 'b' c", "d \"e\""]),
        (r#"/x a\ b "c\"d" 'e\f'"#, &["/x", "a b", "c\"d", "e\\f"]),
        (r#"/x "" a''b"#, &["/x", "", "ab"]),
    ] {
        assert_eq!(cut(line), words, "{line}");
    }
}

#[test]
fn an_open_quote_and_a_last_backslash_are_errors() {
    assert_eq!(Words::cut("/x 'a"), Err(WordsError::OpenQuote('\'')));
    assert_eq!(Words::cut("/x \"a\\"), Err(WordsError::OpenQuote('"')));
    assert_eq!(Words::cut("/x a\\"), Err(WordsError::TrailingBackslash));
}

#[test]
fn only_unquoted_operators_need_a_shell() {
    for (line, shell) in [
        ("[ -f /etc/keepalived/down ] && exit 7 || exit 0", true),
        ("killall -0 nginx", false),
        ("pidof x>/dev/null", true),
        ("a 'b && c' \"d|e\" f\\;", false),
        ("echo $HOME", true),
    ] {
        assert_eq!(Words::cut(line).unwrap().need_shell(), shell, "{line}");
    }
}

proptest! {
    #[test]
    fn no_line_panics(line in ".*") {
        drop(Words::cut(&line));
    }

    #[test]
    fn quoted_words_come_back(words in prop::collection::vec("[^']*", 1..5)) {
        let line: Vec<String> = words.iter().map(|word| format!("'{word}'")).collect();
        prop_assert_eq!(cut(&line.join(" ")), words);
    }
}
