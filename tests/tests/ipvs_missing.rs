//! A kernel without IPVS: what is missing and what to do is said.

use lb_agent::net::ipvs::{Ipvs, IpvsError};
use lb_tests::{Need, skipped};

#[test]
fn without_the_module_the_error_says_what_to_install() {
    if skipped(&[Need::Root]) {
        return;
    }
    if Need::Ipvs.is_met() {
        println!("skipped: this kernel has IPVS");
        return;
    }
    let Err(error) = Ipvs::open() else {
        panic!("the kernel has no IPVS");
    };
    assert!(matches!(error, IpvsError::Missing { .. }), "{error}");
    let text = error.to_string();
    assert!(text.starts_with("this kernel has no IPVS: "), "{text}");
    assert!(
        text.contains("modprobe ip_vs") && text.contains("linux-image"),
        "{text}"
    );
}
