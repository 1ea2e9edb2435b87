use super::*;

#[test]
fn uml_is_not_for_processors_with_amx() {
    assert!(suits_uml("processor\t: 0\nflags\t\t: fpu avx512f\n"));
    assert!(!suits_uml(
        "processor\t: 0\nflags\t\t: fpu amx_bf16 amx_tile avx512f\n"
    ));
    assert!(suits_uml("vmx flags\t: amx_tile\n"));
}
