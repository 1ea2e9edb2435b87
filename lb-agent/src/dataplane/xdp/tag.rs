//! The program that puts VLAN tags on frames which leave: one for each VLAN, held by its place in the
//! device map.

use aya::programs::{ProgramError, ProgramFd, Xdp};
use aya::{Ebpf, EbpfLoader};
use lb_common::vlan::{MOST_TAGS, Tag};

use super::object::ObjectError;

/// The object that `build.rs` made of `lb-ebpf/src/push.rs`.
static OBJECT: &[u8] = aya::include_bytes_aligned!(concat!(env!("OUT_DIR"), "/tag"));

/// Name of the program, and of the tags in it.
const PROGRAM: &str = "tag";
const TAGS: &str = "TAGS";

/// The program for some tags, in the kernel as long as this is or a map holds it.
pub(super) struct Push {
    ebpf: Ebpf,
}

/// Loads the program that puts these tags on.
pub(super) fn load(tags: [Tag; MOST_TAGS]) -> Result<Push, ObjectError> {
    let words = tags.map(Tag::word);
    let mut loader = EbpfLoader::new();
    loader.override_global(TAGS, &words, true);
    let mut ebpf = loader.load(OBJECT).map_err(|source| ObjectError::Load {
        takes: 0,
        source: Box::new(source),
    })?;
    let refused = |source| ObjectError::Program {
        what: "load the XDP program that puts VLAN tags on",
        source,
    };
    let missing = || ProgramError::InvalidName {
        name: PROGRAM.to_owned(),
    };
    let program = ebpf.program_mut(PROGRAM).ok_or_else(missing);
    let program: Result<&mut Xdp, _> = program.and_then(TryInto::try_into);
    program.and_then(Xdp::load).map_err(refused)?;
    Ok(Push { ebpf })
}

impl Push {
    /// The program itself.
    pub(super) fn program(&self) -> Result<&ProgramFd, ObjectError> {
        let missing = || ProgramError::InvalidName {
            name: PROGRAM.to_owned(),
        };
        let program = self.ebpf.program(PROGRAM).ok_or_else(missing);
        program
            .and_then(|it| it.fd())
            .map_err(|source| ObjectError::Program {
                what: "keep the XDP program that puts VLAN tags on",
                source,
            })
    }
}
