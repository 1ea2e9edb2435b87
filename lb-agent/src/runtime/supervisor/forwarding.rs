//! Whether the kernel forwards packets (`net.ipv4.ip_forward`), which NAT needs: the program asks
//! the kernel for the way back to a client, and there is none by an interface that does not
//! forward (`BPF_FIB_LKUP_RET_FWD_DISABLED`); and what the program leaves alone, the kernel has to
//! carry. LVS needs it, too. The switch is the operator's: it is not turned here.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// Where the kernel shows its settings: those of this thread's network namespace.
const SETTINGS: &str = "/proc/sys";

/// The settings that are off and ought not to be, with what to do, for answers that arrive by
/// `interfaces`.
///
/// `net/ipv4/conf/NAME/forwarding` is what counts; `net/ipv4/ip_forward` sets them all.
pub(super) fn complaints(interfaces: BTreeSet<&str>) -> BTreeMap<String, String> {
    complaints_in(Path::new(SETTINGS), interfaces)
}

fn complaints_in(settings: &Path, interfaces: BTreeSet<&str>) -> BTreeMap<String, String> {
    let is_off = |name: &str| {
        // What cannot be read is not known to be off: the interface may just have gone.
        let value = std::fs::read_to_string(settings.join(name));
        value.is_ok_and(|value| value.trim() == "0")
    };
    let all = "net/ipv4/ip_forward".to_owned();
    let names: Vec<String> = if is_off(&all) {
        vec![all]
    } else {
        let each = interfaces
            .into_iter()
            .map(|name| format!("net/ipv4/conf/{name}/forwarding"));
        each.filter(|name| is_off(name)).collect()
    };
    let complain = |name: String| {
        let text = format!(
            "{name} is 0: the kernel does not forward, and answers of real servers in NAT mode do \
             not get back to clients; `sysctl -w {name}=1` turns it on"
        );
        (name, text)
    };
    names.into_iter().map(complain).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_off_is_named_with_the_command_that_turns_it_on() {
        let settings = tempfile::tempdir().unwrap();
        let write = |name: &str, value: &str| {
            let path = settings.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, value).unwrap();
        };
        let found = || {
            let found = complaints_in(settings.path(), BTreeSet::from(["eth0", "eth1.5"]));
            found.into_values().collect::<Vec<_>>()
        };
        assert_eq!(found(), Vec::<String>::new(), "nothing is known");
        write("net/ipv4/ip_forward", "0\n");
        write("net/ipv4/conf/eth0/forwarding", "0\n");
        write("net/ipv4/conf/eth1.5/forwarding", "0\n");
        let all = found();
        assert!(
            all.len() == 1 && all[0].contains("`sysctl -w net/ipv4/ip_forward=1`"),
            "{all:?}"
        );
        write("net/ipv4/ip_forward", "1\n");
        write("net/ipv4/conf/eth0/forwarding", "1\n");
        let one = found();
        let command = "`sysctl -w net/ipv4/conf/eth1.5/forwarding=1`";
        assert!(one.len() == 1 && one[0].contains(command), "{one:?}");
    }
}
