use super::*;

#[test]
fn every_sign_and_sense_has_its_effect() {
    use Effect::{Fault, Priority};
    for (value, reverse, when_up, when_down) in [
        (0, false, Priority(0), Fault),
        (0, true, Fault, Priority(0)),
        (20, false, Priority(20), Priority(0)),
        (20, true, Priority(0), Priority(20)),
        (-30, false, Priority(0), Priority(-30)),
        (-30, true, Priority(-30), Priority(0)),
    ] {
        let weight = Weight { value, reverse };
        assert_eq!(weight.effect(true), when_up, "{weight:?} up");
        assert_eq!(weight.effect(false), when_down, "{weight:?} down");
    }
}
