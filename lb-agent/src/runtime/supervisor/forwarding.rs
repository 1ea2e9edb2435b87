//! Whether the kernel forwards packets (`net.ipv4.ip_forward` and its like of IPv6), which NAT needs: the
//! program asks the kernel for the way back to a client, and there is none by an interface that does not
//! forward (`BPF_FIB_LKUP_RET_FWD_DISABLED`); and what the program leaves alone, the kernel has to
//! carry. LVS needs it, too. The switch is the operator's: it is not turned here.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::config::model::Family;

/// Where the kernel shows its settings: those of this thread's network namespace.
const SETTINGS: &str = "/proc/sys";

/// The settings that are off and ought not to be, with what to do, for answers of a family that arrive
/// by `interfaces`.
///
/// `forwarding` of each interface is what counts. One setting sets them all: `net/ipv4/ip_forward`, and of
/// IPv6 `net/ipv6/conf/all/forwarding`.
pub(super) fn complaints(family: Family, interfaces: &BTreeSet<&str>) -> BTreeMap<String, String> {
    complaints_in(Path::new(SETTINGS), family, interfaces)
}

fn complaints_in(
    settings: &Path,
    family: Family,
    interfaces: &BTreeSet<&str>,
) -> BTreeMap<String, String> {
    let is_off = |name: &str| {
        // What cannot be read is not known to be off: the interface may just have gone.
        let value = std::fs::read_to_string(settings.join(name));
        value.is_ok_and(|value| value.trim() == "0")
    };
    let (all, ip) = match family {
        Family::Inet => ("net/ipv4/ip_forward", "ipv4"),
        Family::Inet6 => ("net/ipv6/conf/all/forwarding", "ipv6"),
    };
    let each = || {
        let each = interfaces.iter();
        let names = each.map(|name| format!("net/{ip}/conf/{name}/forwarding"));
        names.filter(|name| is_off(name)).collect::<Vec<_>>()
    };
    let names: Vec<String> = match family {
        Family::Inet if is_off(all) => vec![all.to_owned()],
        // Of IPv6 the one for all is a switch only: an interface may forward although it is off.
        Family::Inet6 if is_off(all) && !each().is_empty() => vec![all.to_owned()],
        Family::Inet | Family::Inet6 => each(),
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
        for (family, all, ip) in [
            (Family::Inet, "net/ipv4/ip_forward", "ipv4"),
            (Family::Inet6, "net/ipv6/conf/all/forwarding", "ipv6"),
        ] {
            let settings = tempfile::tempdir().unwrap();
            let write = |name: &str, value: &str| {
                let path = settings.path().join(name);
                std::fs::create_dir_all(path.parent().unwrap()).unwrap();
                std::fs::write(path, value).unwrap();
            };
            let found = || {
                let interfaces = BTreeSet::from(["eth0", "eth1.5"]);
                let found = complaints_in(settings.path(), family, &interfaces);
                found.into_values().collect::<Vec<_>>()
            };
            assert_eq!(found(), Vec::<String>::new(), "nothing is known");
            write(all, "0\n");
            write(&format!("net/{ip}/conf/eth0/forwarding"), "0\n");
            write(&format!("net/{ip}/conf/eth1.5/forwarding"), "0\n");
            let named = found();
            assert!(
                named.len() == 1 && named[0].contains(&format!("`sysctl -w {all}=1`")),
                "{named:?}"
            );
            write(all, "1\n");
            write(&format!("net/{ip}/conf/eth0/forwarding"), "1\n");
            let one = found();
            let command = format!("`sysctl -w net/{ip}/conf/eth1.5/forwarding=1`");
            assert!(one.len() == 1 && one[0].contains(&command), "{one:?}");
        }
    }

    #[test]
    fn an_interface_of_ipv6_may_forward_alone() {
        let settings = tempfile::tempdir().unwrap();
        for (name, value) in [("all", "0"), ("eth0", "1")] {
            let folder = settings.path().join("net/ipv6/conf").join(name);
            std::fs::create_dir_all(&folder).unwrap();
            std::fs::write(folder.join("forwarding"), value).unwrap();
        }
        let found = complaints_in(settings.path(), Family::Inet6, &BTreeSet::from(["eth0"]));
        assert_eq!(found, BTreeMap::new());
    }
}
