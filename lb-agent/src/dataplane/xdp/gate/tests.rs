use super::*;
use crate::vrrp::Gate as _;

fn gates() -> Gates {
    let file = tempfile::tempfile().unwrap();
    file.set_len(size_of::<Control>() as u64).unwrap();
    Gates::new(Arc::new(Mapped::new(&file, 1, true).unwrap()))
}

fn armed(gates: &Gates) -> Vec<u16> {
    (0..)
        .take(MAX_GATES)
        .filter(|gate| gates.is_armed(*gate))
        .collect()
}

#[test]
fn after_a_reset_the_gate_of_no_instance_alone_is_armed() {
    let gates = gates();
    gates.set(7, true);
    gates.reset(&Numbers::default());
    assert_eq!(armed(&gates), [GATE_ALWAYS]);
}

#[test]
fn gates_of_instances_are_left_to_vrrp() {
    let gates = gates();
    for gate in [1, 3, 4] {
        gates.set(gate, true);
    }
    gates.reset(&Numbers::default().assign(["a", "b", "c"]));
    assert_eq!(armed(&gates), [GATE_ALWAYS, 1, 3]);
}

#[test]
fn an_instance_arms_and_disarms_its_own_gate_and_no_other() {
    let gates = gates();
    gates.reset(&Numbers::default());
    let numbers = Numbers::default().assign(["a", "gone", "b"]);
    // `gone` is configured no longer.
    let numbers = numbers.assign(["b", "a"]);
    let instances = InstanceGates::new(gates.clone(), &numbers, ["b", "a"]);
    instances.arm(0);
    instances.arm(1);
    instances.arm(2);
    assert_eq!(armed(&gates), [GATE_ALWAYS, 1, 3]);
    instances.disarm(0);
    assert_eq!(armed(&gates), [GATE_ALWAYS, 1]);
}

#[test]
fn a_gate_that_does_not_exist_is_neither_set_nor_armed() {
    let gates = gates();
    let beyond = u16::try_from(MAX_GATES).unwrap();
    gates.set(beyond, true);
    assert!(!gates.is_armed(beyond));
    assert_eq!(armed(&gates), Vec::<u16>::new());
}

#[test]
fn the_page_holds_a_word_for_each_gate() {
    let gates = gates();
    gates.set(3, true);
    let page = gates.control.get(0).unwrap();
    let words: Vec<usize> = (0..MAX_GATES)
        .filter(|gate| page.armed[*gate] != 0)
        .collect();
    assert_eq!(words, [3]);
}
