use super::*;

#[test]
fn dr_is_the_tutorial_as_it_stands() {
    assert_eq!(demo(Mode::Dr), DR);
}

#[test]
fn every_mode_names_its_kind_and_the_servers_of_its_network() {
    for mode in Mode::ALL {
        for text in demo(mode) {
            assert!(text.contains(&format!("lb_kind {mode}")));
            for server in Layout::demo(mode).servers {
                assert!(
                    text.contains(&format!("real_server {server} 80")),
                    "{mode}: {server}"
                );
            }
        }
    }
}

#[test]
fn with_nat_the_gateway_moves_with_the_virtual_address() {
    let gateway = Layout::demo(Mode::Nat).gateway;
    for text in demo(Mode::Nat) {
        assert!(
            text.contains(&format!("{gateway}/24 dev ens37\n")),
            "{text}"
        );
    }
}
