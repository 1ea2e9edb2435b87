use super::*;
use crate::health::probe::http::search::Search;

fn options(options: &str) -> Vec<String> {
    options.split_whitespace().map(str::to_owned).collect()
}

fn refused(text: &str, given: &str) -> String {
    Pattern::new(text, &options(given)).unwrap_err().to_string()
}

fn matches(text: &str, given: &str, body: &[u8]) -> bool {
    let pattern = Pattern::new(text, &options(given))
        .unwrap_or_else(|error| panic!("{text} with {given}: {error}"));
    let mut search = Search::new(&pattern);
    search.handle_data(body);
    search.finish().unwrap()
}

/// (`regex`, `regex_options`, body, whether it matches): what libpcre2 10.42 says, which keepalived uses.
const PCRE2: &[(&str, &str, &[u8], bool)] = &[
    // `$`
    ("OK$", "", b"OK", true),
    ("OK$", "", b"OK\n", true),
    ("OK$", "", b"OK\n\n", false),
    ("OK$", "", b"OK\nx", false),
    ("OK$", "dollar_endonly", b"OK", true),
    ("OK$", "dollar_endonly", b"OK\n", false),
    ("OK$", "multiline", b"OK\nx", true),
    ("OK$", "multiline dollar_endonly", b"OK\nx", true),
    (r"OK$\n", "", b"OK\n", true),
    (r"(OK$|up)\n", "", b"OK\n", true),
    ("(OK$|up)x", "", b"upx", true),
    (r"OK\Z", "dollar_endonly", b"OK\n", true),
    (r"OK\z", "", b"OK\n", false),
    ("x(?=OK$)", "", b"xOK\n", true),
    // `^`
    ("^$", "multiline", b"a\n", false),
    ("^$", "multiline alt_circumflex", b"a\n", true),
    ("^b", "multiline", b"a\nb", true),
    ("^(b|c)$", "multiline", b"a\nb\n", true),
    ("^b", "", b"a\nb", false),
    // Looking around, references, atomic groups.
    ("a(?=b)", "", b"ab", true),
    ("a(?=b)", "", b"ac", false),
    ("a(?!b)", "", b"ab", false),
    ("(?<=a)b", "", b"ab", true),
    ("(?<!a)b", "", b"ab", false),
    ("(?<=a|bc)d", "", b"bcd", true),
    (r"(a|b)\1", "", b"ab", false),
    (r"(a|b)\1", "", b"bb", true),
    (r"(?<n>a|b)-\k<n>", "", b"a-a", true),
    ("(?P<n>a|b)(?P=n)", "", b"ab", false),
    (r"(a)\g{-1}", "", b"aa", true),
    (r"(?i)(a)\1", "", b"aA", true),
    (r"(a)|b\1", "", b"b", false),
    (r"(a)|b\1", "match_unset_backref", b"b", true),
    ("a++a", "", b"aa", false),
    ("a++b", "", b"aab", true),
    ("(?>a+)a", "", b"aa", false),
    (r"\R", "", b"\r\n", true),
    (r"\R\n", "", b"\r\n", false),
    // What other dialects take for something else.
    ("a{,2}b", "", b"aab", false),
    ("a{,2}b", "", b"a{,2}b", true),
    ("[a&&b]", "", b"&", true),
    ("[[a]b]", "", b"[b]", true),
    ("[]a]", "", b"]", true),
    ("[]a]", "allow_empty_class", b"a]", false),
    ("a[]", "allow_empty_class", b"a", false),
    ("a[^]b", "allow_empty_class", b"a\nb", true),
    (r"\<a", "", b"<a", true),
    (r"\h", "", b"\t", true),
    (r"\v", "", b"\r", true),
    (r"\N", "", b"\n", false),
    (r"[\b]", "", b"\x08", true),
    ("[[:^alpha:]]", "", b"1", true),
    // Characters.
    (r"\x41\x{42}\103\e\cA", "", b"ABC\x1b\x01", true),
    (r"\u0041\xz", "alt_bsux", b"Axz", true),
    (r"\Qa.b\E", "", b"a.b", true),
    (r"\Qa.b\E", "", b"axb", false),
    (r"a\Kb", "", b"ab", true),
    ("é", "", "é".as_bytes(), true),
    ("[é]", "", b"\xc3", true),
    ("É", "caseless", "é".as_bytes(), false),
    ("É", "caseless utf", "é".as_bytes(), true),
    (r"\w", "utf", "é".as_bytes(), false),
    (r"\w", "utf ucp", "é".as_bytes(), true),
    (r"\p{L}", "utf", "é".as_bytes(), true),
    (r"caf\b", "", "café".as_bytes(), true),
    (r"caf\b", "utf", "café".as_bytes(), true),
    (r"caf\b", "utf ucp", "café".as_bytes(), false),
    (r"caf\b(?=é)", "utf", "café".as_bytes(), true),
    (r"caf\b(?=é)", "utf ucp", "café".as_bytes(), false),
    (r"caf\B", "utf", "café".as_bytes(), false),
    (r"caf\B", "utf ucp", "café".as_bytes(), true),
    (r"caf\B(?=é)", "utf", "café".as_bytes(), false),
    (r"caf\B(?=é)", "utf ucp", "café".as_bytes(), true),
    (r"\b(?=c)caf\Bé", "utf", "caf\u{e9}".as_bytes(), false),
    ("(.+)\\1", "utf dotall", "éé\n".as_bytes(), true),
    ("a.b", "utf dotall", "a\nb".as_bytes(), true),
    (r"(.)(?=b)", "utf dotall", "\nb".as_bytes(), true),
    // Options, also within the pattern.
    ("OK", "caseless", b"ok", true),
    ("a.b", "", b"a\nb", false),
    ("a.b", "dotall", b"a\nb", true),
    ("(?s)a.b", "", b"a\nb", true),
    ("(?i:a)B", "", b"AB", true),
    ("(?i:a)b", "", b"Ab", true),
    ("(?i:a)b", "", b"AB", false),
    ("(a(?i)b|c)d", "", b"Cd", true),
    ("(a(?i)b|c)d", "", b"CD", false),
    ("(?^)a", "caseless", b"A", false),
    ("a b # c", "extended", b"ab", true),
    ("[a b]", "extended", b" ", true),
    ("(?x) a (?-x) b", "", b"a b", true),
    ("a(?#x)b", "", b"ab", true),
    ("a+?b", "ungreedy", b"aab", true),
    ("b", "firstline", b"a\nb", false),
    ("a\nb", "firstline", b"a\nb", true),
    ("\n", "firstline", b"a\n", true),
    ("x", "firstline", b"a\nx", false),
];

#[test]
fn a_pattern_matches_where_pcre2_says_so() {
    for &(text, options, body, expected) in PCRE2 {
        let shown = body.escape_ascii();
        assert_eq!(
            matches(text, options, body),
            expected,
            "{text:?} {options} in \"{shown}\""
        );
    }
}

/// A body may be no UTF-8, and a window may end within a character.
#[test]
fn a_character_that_is_cut_is_no_character() {
    let table: [(&str, &[u8]); 4] = [
        (r"(.+)\1", b"ab\xc3"),
        (r"(.+)\1", b"ab\xf0\x9f"),
        (r"(x).(?=y)|(b).\b", b"b\xc3"),
        (r"(b)[^]]\1", b"b\xe2"),
    ];
    for (text, body) in table {
        let shown = body.escape_ascii();
        assert!(!matches(text, "utf dotall", body), "{text} in \"{shown}\"");
    }
}

#[test]
fn what_pcre2_refuses_is_refused() {
    for (text, options) in [
        ("a**", ""),
        ("a{2}{2}", ""),
        ("a|*", ""),
        (r"\b+a", ""),
        ("[b-a]", ""),
        (r"[a-\d]", ""),
        (r"[\d-x]", ""),
        (r"\j", ""),
        (r"\u0041", ""),
        (r"\8", ""),
        ("(a", ""),
        ("a)", ""),
        ("[a", ""),
        ("a\\", ""),
        (r"(?n)(a)\1", ""),
        (r"(a)\1", "no_auto_capture"),
    ] {
        assert!(
            refused(text, options).contains("cannot be used: "),
            "{text}"
        );
    }
}

#[test]
fn what_pcre2_has_and_we_have_not_is_refused_with_a_reason() {
    for (text, reason) in [
        ("(?R)", "recursion is not supported"),
        ("(a)(?1)", "recursion is not supported"),
        (r"(a)\g<1>", "recursion is not supported"),
        ("(a)?(?(1)b|c)", "conditions are not supported"),
        ("(?|(a)|(b))", "`(?|…)` is not supported"),
        ("(*ANYCRLF)a", "`(*…)` is not supported"),
        ("(?C1)a", "callouts are not supported"),
        (r"\Ga", r"`\G` is not supported"),
        (r"\pL", r"`\p` needs `regex_options utf`"),
    ] {
        let expected = format!("regex `{text}` cannot be used: {reason}");
        assert_eq!(refused(text, ""), expected);
    }
    assert_eq!(
        refused("a", "caseless anchored"),
        "regex_options `anchored` is not supported"
    );
}

#[test]
fn only_what_needs_it_is_searched_with_backtracking() {
    let backtracks = |text: &str, given: &str| {
        let pattern = Pattern::new(text, &options(given)).unwrap();
        matches!(pattern.engine(), Engine::Backtracking(_))
    };
    for (text, options) in [
        ("status: OK$", ""),
        ("^(OK|up$)", ""),
        ("(a(b|c$)|d)", ""),
        ("^OK$", "multiline"),
        ("(a+)+b", ""),
        (r"a\Kb", ""),
    ] {
        assert!(!backtracks(text, options), "{text}");
    }
    for (text, options) in [
        ("a(?=b)", ""),
        (r"(a)\1", ""),
        (r"OK$\n", ""),
        ("(a$)*", ""),
        ("^(OK|)", "multiline"),
        ("a++", ""),
    ] {
        assert!(backtracks(text, options), "{text}");
    }
}

#[test]
fn a_pattern_too_large_to_compile_is_refused() {
    assert!(refused("((a{500}){500}){500}", "").contains("size limit"));
}

#[test]
fn equal_text_and_equal_settings_are_equal() {
    let pattern = || Pattern::new("a", &[]).unwrap();
    assert_eq!(pattern(), pattern());
    let other = Pattern {
        no_match: true,
        ..pattern()
    };
    assert_ne!(pattern(), other);
}
