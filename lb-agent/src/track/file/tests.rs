use proptest::prelude::*;
use tempfile::TempDir;

use super::*;

#[test]
fn numbers_are_read_as_strtol_reads_them() {
    for (content, value) in [
        ("", Ok(0)),
        ("\n", Ok(0)),
        ("garbage", Ok(0)),
        ("-", Ok(0)),
        ("12\n", Ok(12)),
        (" \t\n-7 and more", Ok(-7)),
        ("+3", Ok(3)),
        ("0x1f", Ok(31)),
        ("0X", Ok(0)),
        ("0xg", Ok(0)),
        ("010", Ok(8)),
        ("089", Ok(0)),
        ("12a3", Ok(12)),
        ("2147483647", Ok(2_147_483_647)),
        ("2147483648", Ok(2_147_483_648)),
        ("-2147483648", Ok(-2_147_483_648)),
        ("2147483649", Err(2_147_483_649)),
        ("-2147483649", Err(-2_147_483_649)),
        ("99999999999999999999999", Err(i64::MAX)),
        ("-99999999999999999999999", Err(-i64::MAX)),
    ] {
        assert_eq!(parse(content.as_bytes()), value, "{content:?}");
    }
}

proptest! {
    #[test]
    fn no_content_panics(content in prop::collection::vec(any::<u8>(), 0..200)) {
        parse(&content).ok();
    }

    #[test]
    fn every_number_comes_back(value in any::<i32>()) {
        prop_assert_eq!(parse(format!("{value}\n").as_bytes()), Ok(value.into()));
    }

    #[test]
    fn no_product_panics(value in any::<i64>(), weight in -254_i32..=254, reverse: bool) {
        let weight = FileWeight { value: weight, reverse };
        if let Effect::Priority(points) = weight.effect(value) {
            prop_assert!((-253..=253).contains(&points));
        }
        weight.server_effect(value);
    }
}

#[test]
fn a_file_adds_its_product_until_it_is_a_fault() {
    for (value, weight, reverse, effect) in [
        (0, 0, false, Effect::Priority(0)),
        (5, 0, false, Effect::Fault),
        (0, 0, true, Effect::Fault),
        (-5, 0, true, Effect::Priority(0)),
        (10, 2, false, Effect::Priority(20)),
        (10, 2, true, Effect::Priority(-20)),
        (10, -2, false, Effect::Priority(-20)),
        (200, 2, false, Effect::Priority(253)),
        (-127, 2, false, Effect::Fault),
        (-253, 1, false, Effect::Priority(-253)),
        (-254, 1, false, Effect::Fault),
    ] {
        let weight = FileWeight {
            value: weight,
            reverse,
        };
        assert_eq!(weight.effect(value), effect, "{value} {weight:?}");
    }
}

#[test]
fn a_file_adds_its_product_to_a_server_until_it_is_down() {
    for (value, weight, reverse, effect) in [
        (3, 0, false, ServerEffect::Down),
        (0, 0, false, ServerEffect::Weight(0)),
        (300, 2, false, ServerEffect::Weight(600)),
        (-300, 2, false, ServerEffect::Weight(-600)),
        (1 << 31, 2, false, ServerEffect::Weight(i32::MAX)),
        (-(1 << 31), 1, false, ServerEffect::Down),
        (1 << 31, 1, true, ServerEffect::Down),
    ] {
        let weight = FileWeight {
            value: weight,
            reverse,
        };
        assert_eq!(weight.server_effect(value), effect, "{value} {weight:?}");
    }
}

#[test]
fn init_file_creates_and_overwrites_only_where_it_should() {
    let folder = TempDir::new().unwrap();
    let settings = Settings {
        name: "tf".into(),
        path: folder.path().join("value"),
        init_file: None,
    };
    let read = || fs::read_to_string(&settings.path).unwrap();
    let init = |value, overwrite, reload| InitFile { value, overwrite }.apply(&settings, reload);
    assert_eq!(init(7, false, false), None);
    assert_eq!(read(), "7\n");
    assert_eq!(init(8, false, false), None);
    assert_eq!(init(8, true, true), None);
    assert_eq!(read(), "7\n");
    assert_eq!(init(-8, true, false), None);
    assert_eq!(read(), "-8\n");
}

#[test]
fn init_file_says_what_it_cannot_write() {
    let folder = TempDir::new().unwrap();
    let at = |path: PathBuf| Settings {
        name: "tf".into(),
        path,
        init_file: None,
    };
    let init = InitFile {
        value: 0,
        overwrite: true,
    };
    let line = init.apply(&at(folder.path().into()), false).unwrap();
    assert_eq!(
        line.text(),
        "Cannot initialise track file tf - it is not a regular file"
    );
    let line = init
        .apply(&at(folder.path().join("no/such")), false)
        .unwrap();
    assert!(
        line.text()
            .starts_with("Unable to initialise track file tf"),
        "{line:?}"
    );
    // A link to a place where nothing is must not be written through.
    let link = folder.path().join("link");
    std::os::unix::fs::symlink(folder.path().join("target"), &link).unwrap();
    assert!(init.apply(&at(link), false).is_some());
}
