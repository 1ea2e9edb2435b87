use aya::sys::SyscallError;
use nix::errno::Errno;

use super::*;

fn load_error(errno: Errno) -> String {
    let source = Box::new(EbpfError::ProgramError(ProgramError::SyscallError(
        SyscallError {
            call: "bpf_prog_load",
            io_error: errno.into(),
        },
    )));
    ObjectError::Load { source }.to_string()
}

#[test]
fn the_usual_causes_come_with_what_to_do() {
    for (errno, meaning) in [
        (
            Errno::EPERM,
            "not permitted; lb-agent needs root or CAP_BPF, CAP_NET_ADMIN and CAP_PERFMON",
        ),
        (Errno::ENOMEM, "not enough memory for the flow table"),
        (Errno::ENOSYS, "this kernel has no BPF"),
    ] {
        assert_eq!(
            load_error(errno),
            format!("cannot load the XDP program: {meaning}")
        );
    }
}

#[test]
fn the_object_is_an_elf_file_for_bpf() {
    // EM_BPF is 247; little-endian, 64 bits.
    assert_eq!(OBJECT[..6], [0x7f, b'E', b'L', b'F', 2, 1]);
    assert_eq!(OBJECT[18..20], [247, 0]);
}
