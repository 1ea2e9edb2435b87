use super::*;

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
