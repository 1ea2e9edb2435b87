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
    ObjectError::Load {
        takes: 180 << 20,
        source,
    }
    .to_string()
}

#[test]
fn the_usual_causes_come_with_what_to_do() {
    for (errno, meaning) in [
        (
            Errno::EPERM,
            "not permitted; lb-agent needs root or CAP_BPF, CAP_NET_ADMIN and CAP_PERFMON",
        ),
        (
            Errno::ENOMEM,
            "not enough memory for its maps, which take 180.0 MiB; `xdp_flow_table_size` makes the \
             largest of them smaller, `lb-agent check --explain` lists them",
        ),
        (Errno::ENOSYS, "this kernel has no BPF"),
    ] {
        assert_eq!(
            load_error(errno),
            format!("cannot load the XDP program: {meaning}")
        );
    }
}

#[test]
fn a_kernel_that_knows_no_tail_calls_beside_subprograms_is_told_from_others() {
    for (log, is_that) in [
        (
            "tail_calls are not allowed in non-JITed programs with bpf-to-bpf calls",
            true,
        ),
        (
            "mixing of tail_calls and bpf-to-bpf calls is not supported",
            true,
        ),
        ("R1 invalid mem access 'inv'", false),
    ] {
        assert_eq!(refused_with(log) != LOAD, is_that, "{log}");
        assert!(refused_with(log).starts_with(LOAD));
    }
}

#[test]
fn the_object_is_an_elf_file_for_bpf() {
    // EM_BPF is 247; little-endian, 64 bits.
    assert_eq!(OBJECT[..6], [0x7f, b'E', b'L', b'F', 2, 1]);
    assert_eq!(OBJECT[18..20], [247, 0]);
}
