use super::*;

fn refused(text: &str, options: &[&str]) -> String {
    let options: Vec<String> = options.iter().map(|&it| it.to_owned()).collect();
    Pattern::new(text, &options).unwrap_err().to_string()
}

#[test]
fn what_pcre2_has_and_we_have_not_is_refused_with_a_reason() {
    assert_eq!(
        refused("a(?=b)", &[]),
        "regex `a(?=b)` cannot be used: look-around, including look-ahead and look-behind, is not supported"
    );
    assert_eq!(
        refused(r"(a)\1", &[]),
        r"regex `(a)\1` cannot be used: backreferences are not supported"
    );
    assert_eq!(
        refused("a", &["caseless", "firstline"]),
        "regex_options `firstline` is not supported"
    );
}

#[test]
fn a_pattern_too_large_to_compile_is_refused() {
    assert!(refused("((a{500}){500}){500}", &[]).contains("size limit"));
}

#[test]
fn options_change_what_matches() {
    let matches = |text: &str, option: &str, body: &[u8]| {
        Pattern::new(text, &[option.to_owned()])
            .unwrap()
            .compiled()
            .is_match(body)
    };
    assert!(matches("OK", "caseless", b"ok"));
    assert!(!matches("OK", "multiline", b"ok"));
    assert!(matches("a.b", "dotall", b"a\nb"));
    assert!(matches("^b$", "multiline", b"a\nb\nc"));
    assert!(matches("a b # c", "extended", b"ab"));
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
