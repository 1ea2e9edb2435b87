//! `regex` under a fuzzer: see [`crate::fuzzing`].
//!
//! Three bytes choose `regex_options`; a pattern follows, a newline, and what is searched.

use super::super::search::Search;
use super::syntax::{self, Options, Translated};
use super::{Engine, Pattern, engine};

/// Those that mean something: the lowest six bits of each byte say which.
const OPTIONS: [[&str; 6]; 3] = [
    [
        "caseless",
        "utf",
        "multiline",
        "dotall",
        "extended",
        "ungreedy",
    ],
    [
        "dollar_endonly",
        "firstline",
        "alt_circumflex",
        "allow_empty_class",
        "alt_bsux",
        "match_unset_backref",
    ],
    ["ucp", "no_auto_capture", "", "", "", ""],
];

const BITS: [u8; 6] = [1, 2, 4, 8, 16, 32];

/// Any pattern: it is refused with a reason, or both engines find the same by it, and the pieces of a
/// body do not matter.
pub(crate) fn pattern(bytes: &[u8]) {
    let Some((chosen, rest)) = bytes.split_first_chunk() else {
        return;
    };
    let options = options(*chosen);
    let mut parts = rest.splitn(2, |&byte| byte == b'\n');
    let text = String::from_utf8_lossy(parts.next().unwrap_or_default());
    let body = parts.next().unwrap_or_default();
    if let Ok(translated) = syntax::translate(&text, &options) {
        assert!(translated.text.is_ascii(), "{}", translated.text);
        engines_agree(&translated, &options, body);
    }
    match Pattern::new(&text, &options) {
        Ok(pattern) => pieces_do_not_matter(&pattern, body),
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}

fn options(chosen: [u8; 3]) -> Vec<String> {
    let of = |(byte, names): (u8, [&str; 6])| {
        let names = names.into_iter().zip(BITS);
        let names = names.filter(move |(name, bit)| byte & bit != 0 && !name.is_empty());
        names.map(|(name, _)| name.to_owned()).collect::<Vec<_>>()
    };
    chosen.into_iter().zip(OPTIONS).flat_map(of).collect()
}

/// What needs no backtracking is the same with it.
fn engines_agree(translated: &Translated, options: &[String], body: &[u8]) {
    if translated.backtracking {
        return;
    }
    let looking = Translated {
        text: format!("(?:{})(?=)", translated.text),
        backtracking: true,
    };
    let built = [translated, &looking].map(|it| engine(it, Options(options)));
    let [Ok(Engine::Linear(linear)), Ok(Engine::Backtracking(other))] = built else {
        return;
    };
    // Too many steps say nothing.
    if let Ok(found) = other.find_from_pos(body, 0) {
        let start = linear.find(body).map(|found| found.start());
        assert_eq!(
            start,
            found.map(|found| found.start()),
            "{}",
            translated.text
        );
    }
}

fn pieces_do_not_matter(pattern: &Pattern, body: &[u8]) {
    let found = |length: usize| {
        let mut search = Search::new(pattern);
        for piece in body.chunks(length) {
            search.handle_data(piece);
        }
        search.finish()
    };
    let (whole, pieces) = (found(body.len().max(1)), found(7));
    // How much time is too much is a matter of the machine.
    if let (Ok(whole), Ok(pieces)) = (whole, pieces) {
        assert_eq!(whole, pieces);
    }
}
