use super::*;

#[test]
fn everything_of_an_instance_lies_below_its_folder_and_its_version() {
    let pins = Pins::of("lb1");
    let folder = format!("/sys/fs/bpf/lb-agent/lb1/v{ABI_VERSION}");
    assert_eq!(pins.map("FLOWS4"), Path::new(&folder).join("maps/FLOWS4"));
    assert_eq!(pins.link(7), Path::new(&folder).join("links/7"));
    assert_eq!(pins.instance(), Path::new("/sys/fs/bpf/lb-agent/lb1"));
}

#[test]
fn an_instance_that_never_was_has_no_pins_and_can_be_removed() {
    let pins = Pins::of(&format!("never-was-{}", std::process::id()));
    assert_eq!(pins.linked(), Vec::<u32>::new());
    // Without the rights to look one cannot know.
    if nix::unistd::geteuid().is_root() {
        assert!(!pins.may_exist());
        pins.remove().unwrap();
    }
}
