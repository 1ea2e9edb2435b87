use proptest::prelude::*;

use super::*;

/// What is kept of a body that is searched in linear time.
const WINDOW: usize = LINEAR.window;
const OVERLAP: usize = LINEAR.overlap;

/// With backtracking.
const NARROW: usize = BACKTRACKING.window;

fn pattern(text: &str) -> Pattern {
    Pattern::new(text, &[]).unwrap()
}

/// Whether `pattern` is found in `body` that comes in pieces of `piece` bytes.
fn found(pattern: &Pattern, body: &[u8], piece: usize) -> bool {
    let mut search = Search::new(pattern);
    for data in body.chunks(piece.max(1)) {
        search.handle_data(data);
        assert!(search.window.len() <= search.sizes().window);
    }
    search.finish().unwrap()
}

/// `text` at `place` of a body of `length` dots.
fn body(text: &str, place: usize, length: usize) -> Vec<u8> {
    let mut body = vec![b'.'; length];
    body.splice(place..place, text.bytes());
    body
}

#[test]
fn a_match_is_found_wherever_it_is() {
    let pattern = pattern("needle");
    for place in [
        0,
        1,
        OVERLAP,
        WINDOW - 6,
        WINDOW - 3,
        WINDOW,
        3 * WINDOW - 2,
    ] {
        let hay = body("needle", place, 4 * WINDOW);
        for piece in [1000, 4096, WINDOW, 10 * WINDOW] {
            assert!(found(&pattern, &hay, piece), "at {place} by {piece}");
        }
    }
    assert!(!found(&pattern, &body("", 0, 4 * WINDOW), 4096));
}

#[test]
fn anchors_mean_the_body_not_the_window() {
    let long = body("x", 3 * WINDOW, 3 * WINDOW);
    assert!(!found(&pattern("^\\."), &body("x", 0, 3 * WINDOW), 4096));
    assert!(found(&pattern("x$"), &long, 4096));
    assert!(!found(&pattern("\\.$"), &long, 4096));
    assert!(!found(&pattern("\\A\\.x"), &long, 4096));
    let long = body("x", 3 * NARROW, 3 * NARROW);
    assert!(!found(&pattern("\\.(?=\\n?\\z)"), &long, 4096));
    assert!(!found(
        &pattern("x(?!\\.)"),
        &body("x", NARROW - 1, 2 * NARROW),
        4096
    ));
}

#[test]
fn offsets_say_where_a_match_may_begin() {
    let hay = body("needle", 100_000, 200_000);
    for (min, max, expected) in [
        (0, None, true),
        (100_000, None, true),
        (100_001, None, false),
        (0, Some(100_000), true),
        (0, Some(99_999), false),
        (100_000, Some(100_000), true),
        (300_000, None, false),
    ] {
        let mut pattern = pattern("needle");
        pattern.min_offset = min;
        pattern.max_offset = max;
        assert_eq!(found(&pattern, &hay, 4096), expected, "{min} to {max:?}");
    }
}

#[test]
fn an_empty_body_is_searched_too() {
    assert!(found(&pattern("^$"), b"", 1));
    assert!(!found(&pattern("a"), b"", 1));
}

proptest! {
    /// In pieces or at once, the answer is the same.
    #[test]
    fn pieces_do_not_matter(
        body in proptest::collection::vec(prop_oneof![Just(b'a'), Just(b'b'), Just(b'\n')], 0..400),
        piece in 1usize..50,
        text in prop_oneof![Just("^a"), Just("b$"), Just("ab+a"), Just("(?m)^b$"), Just("\\bab\\b")],
    ) {
        let pattern = pattern(text);
        prop_assert_eq!(found(&pattern, &body, piece), at_once(&pattern, &body));
    }
}

#[test]
fn what_matches_early_and_goes_on_for_long_is_found() {
    // One line of three windows.
    let hay = body("ok", 500, 3 * WINDOW);
    for (text, expected) in [
        ("ok.*", true),
        ("(?s)ok.*", true),
        ("ok[.]+", true),
        // The end of the window is not that of the body.
        ("ok.{100}$", false),
        ("no.*", false),
    ] {
        assert_eq!(found(&pattern(text), &hay, 4096), expected, "{text}");
    }
    let mut early = pattern("ok.*");
    early.max_offset = Some(499);
    assert!(!found(&early, &hay, 4096));
}

/// Whether `pattern` is in `body`, asked of the engine itself.
fn at_once(pattern: &Pattern, body: &[u8]) -> bool {
    match pattern.engine() {
        Engine::Linear(regex) => regex.is_match(body),
        Engine::Backtracking(regex) => regex.is_match(body).unwrap(),
    }
}

#[test]
fn look_around_and_back_references_work_across_windows() {
    for (text, needle) in [
        ("needle(?=!)", "needle!"),
        ("(?<=-)needle", "-needle"),
        ("(n)ee.*\\1eedle", "needleneedle"),
        ("needle(?!\\.\\.)", "needle!"),
    ] {
        for place in [
            0,
            1,
            NARROW - 2000,
            NARROW - 6,
            NARROW - 3,
            NARROW,
            3 * NARROW - 2,
        ] {
            let hay = body(needle, place, 4 * NARROW);
            assert!(found(&pattern(text), &hay, 4096), "{text} at {place}");
        }
        assert!(
            !found(&pattern(text), &body("needle", NARROW, 4 * NARROW), 4096),
            "{text}"
        );
    }
}

#[test]
fn what_must_not_be_before_a_match_is_seen_in_every_window() {
    let ready = pattern("(?<!not )ready");
    let mut hay = b"not ready\n".repeat(2000);
    assert!(!found(&ready, &hay, 4096));
    hay.extend(b"ready");
    assert!(found(&ready, &hay, 4096));
}

#[test]
fn firstline_says_where_a_match_may_begin() {
    let mut hay = body("needle", WINDOW + 9, 2 * WINDOW);
    let pattern = Pattern::new("needle", &["firstline".to_owned()]).unwrap();
    assert!(found(&pattern, &hay, 4096));
    hay.insert(WINDOW + 20, b'\n');
    assert!(found(&pattern, &hay, 4096));
    hay.insert(WINDOW + 3, b'\n');
    assert!(!found(&pattern, &hay, 4096));
    let mut later = pattern;
    later.min_offset = WINDOW as u64 + 4;
    assert!(found(&later, &hay, 4096));
}

#[test]
fn a_pattern_that_backtracks_for_ever_is_given_up() {
    let finish = |text: &str, body: &[u8]| {
        let mut search = Search::new(&pattern(text));
        search.handle_data(body);
        search.finish()
    };
    assert_eq!(finish("(a|aa)+\\1(?=b)c", &[b'a'; 4000]), Err(TooHard));
    let long = vec![b'.'; 2 << 20];
    assert_eq!(finish("needle(?=!)", &long), Err(TooHard));
    assert_eq!(finish("needle", &long), Ok(false));
}

/// Each look-ahead goes to the end of the window, and is one step: only time can bound that.
#[test]
fn a_pattern_that_looks_far_ahead_everywhere_ends_in_time() {
    let text = r#"(?=.*"db":"UP")(?=.*"queue":"UP")"#;
    for length in [60 << 10, 1 << 20] {
        let hay = body(r#""db":"UP""#, length - 100, length);
        let mut search = Search::new(&pattern(text));
        let before = clock::of_thread();
        search.handle_data(&hay);
        assert_ne!(search.finish(), Ok(true), "there is no queue");
        let took = clock::of_thread().saturating_sub(before);
        assert!(took < Duration::from_secs(5), "{took:?} for {length} bytes");
    }
}

#[test]
fn with_backtracking_too_nothing_is_searched_behind_the_first_line() {
    let pattern = Pattern::new("needle(?=!)", &["firstline".to_owned()]).unwrap();
    let mut search = Search::new(&pattern);
    search.handle_data(b"\n");
    search.handle_data(&vec![b'.'; 2 << 20]);
    assert_eq!(search.finish(), Ok(false));
}
