use super::*;

#[test]
fn hysteresis_keeps_the_quorum_between_its_thresholds() {
    let quorum = Quorum::new(4, 2);
    let gained: Vec<u64> = (0..9).filter(|&weight| quorum.gained(weight)).collect();
    let lost: Vec<u64> = (0..9).filter(|&weight| quorum.lost(weight)).collect();
    assert_eq!((gained, lost), (vec![6, 7, 8], vec![0, 1]));
}

#[test]
fn without_any_weight_there_is_no_quorum_whatever_the_hysteresis() {
    let quorum = Quorum::new(2, 2);
    assert!(quorum.lost(0));
    assert!(!quorum.lost(1));
}

#[test]
fn the_numbers_show_the_comparison() {
    let quorum = Quorum::new(4, 2);
    assert_eq!(quorum.gained_numbers(6), "4+2=6 <= 6");
    assert_eq!(quorum.lost_numbers(1), "4-2=2 > 1");
}
