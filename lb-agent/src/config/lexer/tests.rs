use std::path::PathBuf;
use std::sync::Arc;

use super::*;

/// The items of a text, in short: words in `[]`, joined with `|`; braces as they are.
fn lex(text: &str) -> (String, Vec<String>) {
    let mut sources = Sources::default();
    let file = sources.add(PathBuf::from("x"), Arc::new(text.into()), None);
    let segments = vec![Segment {
        file,
        start: 0,
        end: length(text),
        ends_file: true,
    }];
    let mut diagnostics = Diagnostics::default();
    let environment = Environment::default();
    let mut lexer = Lexer::new(&sources, segments, &environment, &mut diagnostics);
    let mut shown = String::new();
    while let Some(item) = lexer.next_item() {
        match item {
            Item::Words(words) => {
                let texts: Vec<&str> = words.iter().map(|word| word.text.as_ref()).collect();
                shown.extend(["[", &texts.join("|"), "]"]);
            }
            Item::Open(_) => shown.push('{'),
            Item::Close(_) => shown.push('}'),
            Item::EndOfFile(_) => shown.push('.'),
        }
    }
    let remarks = diagnostics
        .finish(&sources)
        .into_iter()
        .map(|d| d.message)
        .collect();
    (shown, remarks)
}

#[test]
fn lines_come_apart_as_keepalived_takes_them_apart() {
    for (text, expected) in [
        ("", "."),
        ("state MASTER", "[state|MASTER]."),
        ("  \t state \t MASTER  \n\n", "[state|MASTER]."),
        ("a b # c\n! d\ne", "[a|b][e]."),
        ("a b#c", "[a|b]."),
        ("unicast_peer{\n10.0.0.1\n}", "[unicast_peer]{[10.0.0.1]}."),
        ("}}", "}}."),
        ("url { path / }", "[url]{[path|/]}."),
        ("a { b } c { d }", "[a]{[b]}[c]{[d]}."),
        ("script\"/x y\"", "[script|/x y]."),
        (
            "router_id \"a # b { } ! c\" d",
            "[router_id|a # b { } ! c|d].",
        ),
        ("a \"\" b", "[a||b]."),
        ("a 'b c'", "[a|'b|c']."),
        ("a b\\\n c\nd", "[a|b|c][d]."),
        ("a b \\\r\n c\nd", "[a|b|c][d]."),
        ("a # b \\\nc", "[a][c]."),
        ("# b \\\nc", "[c]."),
        (r"auth_pass a\#b\!c # d", "[auth_pass|a#b!c]."),
        (r"\#a b", "[#a|b]."),
        (r"a \$X\#", r"[a|\$X#]."),
        ("a ${B} ${C d}", "[a|${B}|${C d}]."),
        ("a ${B", "[a|${B]."),
        ("a\u{a0}b\u{3000}c\u{2003}d\r\n\u{feff}e", "[a|b|c|d][e]."),
        ("备 机", "[备|机]."),
    ] {
        assert_eq!(lex(text).0, expected, "{text:?}");
    }
}

#[test]
fn keywords_that_take_a_command_have_single_quotes_and_escapes() {
    for (text, expected) in [
        ("script '/x y' \"a 'b'\"", "[script|/x y|a 'b']."),
        (
            "notify_master \"a \\\"b\\\" c\"",
            "[notify_master|a \"b\" c].",
        ),
        (
            "misc_path '[ -f /x ] && { y; }'",
            "[misc_path|[ -f /x ] && { y; }].",
        ),
        (r"script a\ b\tc\x41\101\cA\q", "[script|a b\tcAA\u{1}q]."),
        // What touches is one word, but for the keyword.
        ("notify /x\" a b\"c d", "[notify|/x a bc|d]."),
        ("script\"/x y\"'z' }", "[script|/x yz]}."),
        ("script \"a \\\" # b\" c", "[script|a \" # b|c]."),
        ("state a\\tb", "[state|a\\tb]."),
        ("quorum_up '#'", "[quorum_up|#]."),
        (
            "vrrp_notify_fifo_script 'a b'",
            "[vrrp_notify_fifo_script|a b].",
        ),
    ] {
        assert_eq!(lex(text).0, expected, "{text:?}");
    }
}

#[test]
fn odd_blanks_draw_one_warning_for_the_file_and_only_where_they_count() {
    let (_, remarks) = lex("a\u{a0}b\n\u{a0}\u{a0}c\u{3000}d\r\n");
    assert_eq!(
        remarks,
        [
            "5 blanks of this file are no plain space or tab (no-break space, ideographic space, CR); \
          read as a space"
        ]
    );
    assert_eq!(
        lex("a # b\u{a0}c\n! \u{a0}\nrouter_id \"a\u{a0}b\"").1,
        Vec::<String>::new()
    );
}

#[test]
fn what_cannot_be_read_is_said_and_left_out() {
    for (text, items, remark) in [
        (
            "a \"b c\nd",
            "[a|b c][d].",
            "this `\"` has no partner: the value goes to the line's end",
        ),
        (
            "a\0b\nc",
            "[c].",
            "this line holds a NUL byte, so it is left out, as keepalived does",
        ),
        (
            "auth_pass ab!cd",
            "[auth_pass|ab].",
            "`!` begins a comment, also in the middle of a word",
        ),
    ] {
        assert_eq!(
            lex(text),
            (items.to_owned(), vec![remark.to_owned()]),
            "{text:?}"
        );
    }
    let long = format!("a {}\nb", "x".repeat(MAX_LINE));
    let (items, remarks) = lex(&long);
    assert_eq!(items, "[b].");
    assert_eq!(
        remarks,
        ["this line has 1025 bytes; keepalived reads at most 1023, so it is left out"]
    );
    let just = format!("a {}\nb", "x".repeat(MAX_LINE - 2));
    assert_eq!(lex(&just).1, Vec::<String>::new());
    let comment = format!("# {}\nb", "x".repeat(5000));
    assert_eq!(lex(&comment), ("[b].".to_owned(), Vec::new()));
}

#[test]
fn joined_lines_are_said_since_keepalived_does_not_join_them() {
    let remark = "`\\` joins this line with the next".to_owned();
    assert_eq!(lex("a b \\\n c").1, [remark]);
    for text in [
        "$A=b \\\n c\n$A",
        "@^x $A=b \\\n c",
        "# a \\\nb",
        "a # b \\\nc",
        "a \\\\\nc",
    ] {
        assert_eq!(lex(text).1, Vec::<String>::new(), "{text}");
    }
}

#[test]
fn words_without_end_end_in_one_error() {
    let line = "a ".repeat(500) + "\n";
    let (_, remarks) = lex(&line.repeat(MAX_WORDS / 500 + 2));
    assert_eq!(remarks, ["the configuration has more than 4194304 words"]);
}

#[test]
fn a_word_knows_its_place_with_its_quotes() {
    let mut sources = Sources::default();
    let text = "x\n  router_id \"a b\"c";
    let file = sources.add(PathBuf::from("x"), Arc::new(text.into()), None);
    let segments = vec![Segment {
        file,
        start: 0,
        end: length(text),
        ends_file: true,
    }];
    let mut diagnostics = Diagnostics::default();
    let environment = Environment::default();
    let mut lexer = Lexer::new(&sources, segments, &environment, &mut diagnostics);
    let mut places = Vec::new();
    while let Some(item) = lexer.next_item() {
        if let Item::Words(words) = item {
            places.extend(words.iter().map(|word| sources.text(word.span).to_owned()));
        }
    }
    assert_eq!(places, ["x", "router_id", "\"a b\"", "c"]);
}
