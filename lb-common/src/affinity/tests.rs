use proptest::prelude::*;

use super::*;

#[test]
fn a_value_is_the_word_that_stands_in_the_map() {
    let affinity = Affinity {
        target: 0x0102_0304,
        stamp: 0x0506_0708,
    };
    assert_eq!(affinity.word(), bytemuck::cast::<_, u64>(affinity));
    assert_eq!(Affinity::from_word(affinity.word()), affinity);
}

proptest! {
    #[test]
    fn the_age_is_the_time_since_the_stamp(stamp: u32, age in 0..=u32::MAX / 2) {
        let affinity = Affinity { target: 0, stamp };
        prop_assert_eq!(affinity.age(stamp.wrapping_add(age)), age);
    }

    #[test]
    fn a_stamp_that_is_ahead_has_no_age(now: u32, ahead in 0..=u32::MAX / 2) {
        let affinity = Affinity { target: 0, stamp: now.wrapping_add(ahead) };
        prop_assert_eq!(affinity.age(now), 0);
    }
}
