use super::*;
use crate::config::model::FlowTableSize;
use crate::dataplane::xdp::maps::NAMES;

#[test]
fn every_map_that_is_pinned_is_in_the_sum() {
    let maps = maps(FlowTables::default(), 2);
    for name in NAMES {
        let map = maps.iter().find(|map| map.name == name);
        assert!(map.is_some_and(|map| map.bytes > 0), "{name}");
    }
    assert!(maps.is_sorted_by_key(|map| std::cmp::Reverse(map.bytes)));
}

#[test]
fn no_map_is_of_a_type_whose_sum_is_not_known() {
    let object = aya_obj::Object::parse(OBJECT).unwrap();
    for (name, map) in &object.maps {
        let kind = bpf_map_type::try_from(map.map_type()).ok().unwrap();
        assert!(
            [
                BPF_MAP_TYPE_ARRAY,
                BPF_MAP_TYPE_PERCPU_ARRAY,
                BPF_MAP_TYPE_ARRAY_OF_MAPS,
                BPF_MAP_TYPE_PROG_ARRAY,
                BPF_MAP_TYPE_PERF_EVENT_ARRAY,
                BPF_MAP_TYPE_HASH,
                BPF_MAP_TYPE_LRU_HASH,
                BPF_MAP_TYPE_DEVMAP_HASH,
                BPF_MAP_TYPE_RINGBUF,
            ]
            .contains(&kind),
            "{name}: {kind:?}"
        );
    }
}

#[test]
fn the_flow_tables_take_what_their_size_says_and_their_maps_are_one_familys() {
    let size = FlowTableSize {
        ipv4: 65_536,
        ipv6: 1024,
    };
    let maps = maps(size.into(), 2);
    let of = |name| maps.iter().find(|map| map.name == name).unwrap();
    assert_eq!(
        (of("FLOWS4").entries, of("FLOWS4").family),
        (16_384, For::Ipv4)
    );
    assert_eq!(of("FLOWS4").bytes, (1 << 20) + PAGE);
    assert_eq!(
        (of("FLOWS6").entries, of("FLOWS6").family),
        (256, For::Ipv6)
    );
    assert_eq!(of("FLOWS6").bytes, 32_768 + PAGE);
    assert_eq!(of("ASKED6").family, For::Ipv6);
    assert_eq!(of("BACKENDS").family, For::Both);
}

#[test]
fn what_is_counted_for_each_processor_grows_with_them() {
    let of = |processors| {
        let maps = maps(FlowTables::default(), processors);
        let of = |name: &str| maps.iter().find(|map| map.name == name).unwrap().bytes;
        (of("BACKEND_STATS"), of("FLOWS4"))
    };
    let ((few, flows), (many, same)) = (of(2), of(64));
    assert!(many > 20 * few);
    assert_eq!(flows, same);
}

#[test]
fn the_kernels_words_about_memory_are_read() {
    let text = "MemTotal:       24525592 kB\nMemFree:        1 kB\nMemAvailable:   23019196 kB\n";
    assert_eq!(field(text, "MemTotal:"), Some(24_525_592 << 10));
    assert_eq!(field(text, "MemAvailable:"), Some(23_019_196 << 10));
    assert_eq!(field(text, "Mem:"), None);
    assert_eq!(field("MemTotal: many kB", "MemTotal:"), None);
}

#[test]
fn a_part_of_a_tenth_of_a_mebibyte_is_one() {
    for (bytes, text) in [
        (0, "0.0 MiB"),
        (1, "0.1 MiB"),
        (1 << 20, "1.0 MiB"),
        ((1 << 20) + 1, "1.1 MiB"),
        (3 << 30, "3072.0 MiB"),
    ] {
        assert_eq!(mebibytes(bytes), text);
    }
}
