//! Where our answer differs from that of keepalived 2.2.7, and why.

/// How it differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Difference {
    /// keepalived says something at a line, we say nothing there.
    Silent,
    /// keepalived is content, we are not.
    Stricter,
    /// keepalived finds a fault, we find none.
    Milder,
    /// keepalived stops, we run.
    Runs,
    /// keepalived runs, we stop.
    Stops,
}
use Difference::{Milder, Silent, Stricter};

/// The section, the keyword and the words, `*` for any; and why.
type Known = (
    Difference,
    &'static str,
    &'static str,
    &'static str,
    &'static str,
);

const NAMESPACES: &str = "another namespace is refused, whatever its name";
const AS_IT_IS: &str = "it asks for what holds anyway; the package's own configuration has it";
const NO_INTERFACE: &str = "no interface can have this name";
const NO_WORDS: &str = "a keyword without its words does nothing, which is said";
const WHEN_SENT: &str = "names are resolved when a mail is sent";
const ONE_SECOND: &str = "it is one second, as with keepalived";
const HOST: &str = "whether there is such an account the host knows: `lb-agent check` says it";
const INTERVAL: &str = "0 stands for the interval";
const FAMILY: &str = "the addresses decide about the family";
const NO_PEERS: &str = "without peers it means nothing, whatever it is";
const NOT_MEANT: &str = "a number that nobody can mean";
const SHORT_FORM: &str = "keepalived takes short forms of addresses, of which 0 is one";
const LONG_NAME: &str = "it has no effect here, so that its length does not matter";
const NONE_AT_ALL: &str = "0 is taken: no share, no second try";
const SWITCH: &str = "keepalived takes any word for `on`";
const NUMBER: &str = "keepalived takes what is no number for 0";
const DIGITS: &str = "keepalived takes half a byte for a byte";

const LAST: &str = "of two lines the last one counts, with keepalived the first";
const INTERFACE: &str =
    "whether there is such an interface the host knows: `lb-agent check` says it";
const SOURCE: &str = "the address that it lacks may come later";
const UNUSED: &str =
    "a password without its `auth_type` is not used, so that its length does not matter";
const NO_WEIGHT: &str = "a server without weight is no fault; keepalived makes its quorum 0";

const KNOWN: &[Known] = &[
    (Milder, "vrrp_track_process", "process", "*", LAST),
    (Milder, "track_file", "file", "*", LAST),
    (Milder, "vrrp_instance", "interface", "*", INTERFACE),
    (Milder, "vrrp_instance", "native_ipv6", "*", FAMILY),
    (Milder, "vrrp_instance", "use_ipvlan", "*", SOURCE),
    (Milder, "authentication", "auth_pass", LONG, UNUSED),
    (
        Milder,
        "virtual_server",
        "persistence_engine",
        LONG,
        LONG_NAME,
    ),
    (Milder, "real_server", "weight", "0", NO_WEIGHT),
    (Stricter, "top level", "net_namespace", "*", NAMESPACES),
    (Stricter, "top level", "net_namespace_ipvs", "*", NAMESPACES),
    (Silent, "global_defs", "vrrp_startup_delay", "0", AS_IT_IS),
    (Silent, "global_defs", "vrrp_garp_interval", "0", AS_IT_IS),
    (Silent, "global_defs", "vrrp_gna_interval", "0", AS_IT_IS),
    (
        Stricter,
        "global_defs",
        "default_interface",
        LONG,
        NO_INTERFACE,
    ),
    (Stricter, "*", "*", "", NO_WORDS),
    (Silent, "global_defs", "smtp_server", "*", WHEN_SENT),
    (
        Silent,
        "global_defs",
        "smtp_connect_timeout",
        "0",
        ONE_SECOND,
    ),
    (Silent, "global_defs", "script_user", "*", HOST),
    (Silent, "vrrp_script", "user", "*", HOST),
    (Silent, "MISC_CHECK", "user", "*", HOST),
    (Silent, "vrrp_script", "timeout", "0", INTERVAL),
    (Silent, "vrrp_instance", "native_ipv6", "*", FAMILY),
    (Silent, "vrrp_instance", "unicast_ttl", "0", NO_PEERS),
    (
        Stricter,
        "global_defs",
        "vrrp_rx_bufs_policy",
        "0",
        NOT_MEANT,
    ),
    (
        Stricter,
        "vrrp_instance",
        "kernel_rx_buf_size",
        "0",
        NOT_MEANT,
    ),
    (Stricter, "vrrp_instance", "garp_extra_if", "0", NOT_MEANT),
    (
        Stricter,
        "virtual_server",
        "persistence_granularity",
        "0",
        SHORT_FORM,
    ),
    (
        Silent,
        "virtual_server",
        "persistence_engine",
        LONG,
        LONG_NAME,
    ),
    (Silent, "virtual_server", "weight", "0", NONE_AT_ALL),
    (Silent, "virtual_server", "retry", "0", NONE_AT_ALL),
    (Silent, "real_server", "retry", "0", NONE_AT_ALL),
    (Stricter, "virtual_server", "alpha", "*", SWITCH),
    (Stricter, "url", "regex_min_offset", "*", NUMBER),
    (Stricter, "url", "regex_max_offset", "*", NUMBER),
    (Stricter, "url", "regex_stack", "*", NUMBER),
    (Stricter, "UDP_CHECK", "payload", "*", DIGITS),
    (Stricter, "UDP_CHECK", "require_reply", "*", DIGITS),
];

/// More digits than any number has.
const LONG: &str = "99999999999999999999999";

pub(crate) fn is_known(difference: Difference, section: &str, keyword: &str, words: &str) -> bool {
    let is = |known: &str, found: &str| known == "*" || known == found;
    KNOWN.iter().any(|(kind, of, name, odd, _)| {
        *kind == difference && is(of, section) && is(name, keyword) && is(odd, words)
    })
}
