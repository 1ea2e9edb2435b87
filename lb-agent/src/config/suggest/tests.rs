use super::*;

#[test]
fn the_nearest_name_is_found_and_nothing_far_off() {
    let names = [
        "notify_backup",
        "notify_master",
        "priority",
        "state",
        "interface",
        "TCP_CHECK",
    ];
    for (word, expected) in [
        ("notify_backupr", Some("notify_backup")),
        ("priorty", Some("priority")),
        ("pirority", Some("priority")),
        ("stat", Some("state")),
        ("tcp_check", Some("TCP_CHECK")),
        ("interfaces", Some("interface")),
        ("virtual_router_id", None),
        ("", None),
        ("备机", None),
    ] {
        assert_eq!(nearest(word, names.into_iter()), expected, "{word}");
    }
    assert_eq!(nearest(&"x".repeat(1_000_000), names.into_iter()), None);
}

#[test]
fn a_swap_of_neighbours_is_one_step() {
    let distance = |from: &str, to: &str| {
        distance(
            &from.chars().collect::<Vec<_>>(),
            &to.chars().collect::<Vec<_>>(),
        )
    };
    assert_eq!(distance("ab", "ba"), 1);
    assert_eq!(distance("abc", "abc"), 0);
    assert_eq!(distance("abc", ""), 3);
    assert_eq!(distance("kitten", "sitting"), 3);
}
