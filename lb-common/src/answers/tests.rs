use super::*;

#[test]
fn services_have_budgets_of_their_own_of_each_kind() {
    let mut all: std::vec::Vec<u32> = (0..BUDGETS)
        .flat_map(|service| [TOO_BIG, TIME_EXCEEDED].map(|kind| of_service(kind, service)))
        .chain([UNRESOLVED])
        .collect();
    all.sort_unstable();
    assert!(all.iter().copied().eq(0..RECORDS as u32));
}

#[test]
fn a_tick_has_so_many_answers_and_the_next_one_as_many_again() {
    let mut answers = Answers::default();
    for tick in [7, 8, 3] {
        for count in 1..=LIMIT {
            answers = answers.another(tick).unwrap();
            assert_eq!(answers, Answers { tick, count });
        }
        assert_eq!(answers.another(tick), None);
    }
}
