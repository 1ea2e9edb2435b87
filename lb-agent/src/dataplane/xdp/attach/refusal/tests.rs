use aya::sys::SyscallError;
use nix::errno::Errno;

use super::*;

fn refused(errno: Errno) -> String {
    let error = ProgramError::SyscallError(SyscallError {
        call: "bpf_link_create",
        io_error: errno.into(),
    });
    refusal("eth0", Mode::Native, &error).to_string()
}

#[test]
fn every_refusal_says_what_it_means() {
    for (errno, meaning) in [
        (Errno::EOPNOTSUPP, "the driver has no XDP, or LRO is on"),
        (Errno::ERANGE, "the MTU is too large for XDP"),
        (Errno::ENOSPC, "the driver has too few queues"),
        (
            Errno::EPERM,
            "not permitted; root or CAP_NET_ADMIN is needed",
        ),
        (Errno::ENODEV, "No such device"),
    ] {
        assert_eq!(
            refused(errno),
            format!("cannot attach to eth0 in native mode: {meaning}")
        );
    }
}

#[test]
fn a_foreign_program_is_named_with_the_way_to_remove_it() {
    for errno in [Errno::EBUSY, Errno::EEXIST] {
        assert_eq!(
            refused(errno),
            "cannot attach to eth0: another XDP program is attached there; `ip link set dev eth0 \
             xdp off` removes it"
        );
    }
}

#[test]
fn where_somebody_else_is_no_other_mode_is_tried() {
    let error = |errno: Errno| {
        let error = ProgramError::SyscallError(SyscallError {
            call: "bpf_link_create",
            io_error: errno.into(),
        });
        refusal("eth0", Mode::Native, &error)
    };
    assert!(!is_of_this_mode(&error(Errno::EBUSY)));
    assert!(!is_of_this_mode(&error(Errno::EEXIST)));
    assert!(is_of_this_mode(&error(Errno::EOPNOTSUPP)));
    assert!(is_of_this_mode(&error(Errno::ERANGE)));
}

#[test]
fn an_error_that_is_not_the_kernels_speaks_for_itself() {
    let text = refusal("eth0", Mode::Generic, &ProgramError::NotLoaded).to_string();
    assert!(
        text.starts_with("cannot attach to eth0 in generic mode: "),
        "{text}"
    );
}
