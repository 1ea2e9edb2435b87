use proptest::prelude::*;

use super::*;

fn linear(text: &str, options: &[&str]) -> String {
    let options: Vec<String> = options.iter().map(|&it| it.to_owned()).collect();
    let translated = translate(text, &options).unwrap();
    assert!(!translated.backtracking, "{text}");
    translated.text
}

#[test]
fn a_pattern_is_said_in_words_that_both_engines_take_alike() {
    let table: [(&str, &[&str], &str); 10] = [
        ("a.b", &[], r"a[^\n]b"),
        ("a.b", &["dotall"], r"a[\x00-\xFF]b"),
        ("a.b", &["dotall", "utf"], r"a[\x{0}-\x{10FFFF}]b"),
        ("OK$", &[], r"OK(?:\n?\z)"),
        ("OK$", &["dollar_endonly"], r"OK\z"),
        ("^OK$", &["multiline"], "(?m:^)OK(?m:$)"),
        (r"(\d+)-[\w\-]", &[], r"(?:[0-9]+)\x2D[[0-9A-Z_a-z]\x2D]"),
        ("a{2,}b{3}c{,4}", &[], r"a{2,}b{3}c\x7B\x2C4\x7D"),
        ("é", &[], r"\xC3\xA9"),
        ("é", &["utf"], r"\x{E9}"),
    ];
    for (text, options, expected) in table {
        assert_eq!(linear(text, options), expected, "{text}");
    }
}

proptest! {
    /// Whatever stands there: words or a reason.
    #[test]
    fn no_pattern_breaks_the_reader(text in r"[-a-c\\\[\](){}?*+|^$.<>=!:#QEkg01x&, é]{0,24}", utf in any::<bool>()) {
        let options: Vec<String> = utf.then(|| "utf".to_owned()).into_iter().collect();
        if let Ok(translated) = translate(&text, &options) {
            prop_assert!(translated.text.is_ascii());
        }
    }
}
