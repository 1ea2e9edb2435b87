//! On a file instead of a map: memory is memory.

use lb_common::flow::FlowEntry;

use super::*;

fn mapped(records: usize, writable: bool) -> Mapped<FlowEntry> {
    let file = tempfile::tempfile().unwrap();
    file.set_len((records * size_of::<FlowEntry>()) as u64)
        .unwrap();
    Mapped::new(&file, records, writable).unwrap()
}

const ENTRY: FlowEntry = FlowEntry {
    key: 0x1122_3344_5566_7788,
    target: 0x0001_0002,
    life: 0x0300_0004,
};

#[test]
fn a_record_reads_as_it_was_written() {
    let mapped = mapped(3, true);
    mapped.set(1, &ENTRY);
    assert_eq!(mapped.get(1), Some(ENTRY));
    assert_eq!(mapped.get(0), Some(bytemuck::Zeroable::zeroed()));
    assert_eq!(mapped.get(2), Some(bytemuck::Zeroable::zeroed()));
}

#[test]
fn words_and_halves_are_those_of_the_record() {
    let mapped = mapped(2, true);
    mapped.set(1, &ENTRY);
    let key = mapped.word(1, 0).unwrap();
    assert_eq!(key.load(Ordering::Relaxed), ENTRY.key);
    let life = mapped.half(1, 12).unwrap();
    life.store(5, Ordering::Relaxed);
    assert_eq!(mapped.get(1).unwrap().life, 5);
    assert_eq!(mapped.get(1).unwrap().target, ENTRY.target);
}

#[test]
fn nothing_outside_a_record_or_askew_in_it_can_be_had() {
    let mapped = mapped(2, true);
    assert_eq!((mapped.len(), mapped.is_empty()), (2, false));
    assert!(mapped.get(2).is_none());
    for (index, offset) in [(2, 0), (0, 16), (0, 12), (0, 4), (0, 1), (usize::MAX, 0)] {
        assert!(mapped.word(index, offset).is_none(), "{index} {offset}");
    }
    for (index, offset) in [(2, 0), (0, 16), (0, 14), (0, 2)] {
        assert!(mapped.half(index, offset).is_none(), "{index} {offset}");
    }
}

#[test]
fn two_mappings_of_one_file_see_each_other() {
    let file = tempfile::tempfile().unwrap();
    file.set_len(4096).unwrap();
    let writer: Mapped<FlowEntry> = Mapped::new(&file, 4, true).unwrap();
    let reader: Mapped<FlowEntry> = Mapped::new(&file, 4, false).unwrap();
    writer.set(3, &ENTRY);
    assert_eq!(reader.get(3), Some(ENTRY));
}

#[test]
fn no_records_are_an_error_and_not_a_mapping() {
    let file = tempfile::tempfile().unwrap();
    assert!(Mapped::<FlowEntry>::new(&file, 0, true).is_err());
}
