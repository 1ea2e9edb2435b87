//! Options of single checks whose effect only a real server, or the system, shows.

use anyhow::Result;
use lb_tests::skipped;

use super::{Case, NEEDS, case, expect, machine, peers};

const UP: &str = "Remote Web server RS succeed on service.";
const UNNAMED: &str = "HTTP_CHECK on service RS failed. url(/): TLS handshake: received fatal alert: UnrecognisedName.";

/// nginx refuses a handshake that does not name www.example.org.
#[test]
fn sni_name_is_sent_in_the_handshake_whatever_the_virtualhost_is() -> Result<()> {
    if skipped(&NEEDS) {
        return Ok(());
    }
    let machine = machine("sni")?;
    let _web = peers::tls_server(&machine, 8443)?;
    let url = "url {\n path /\n virtualhost www.example.org\n}";
    let rest = |settings: &str| format!("{settings}\n{url}");
    let cases = [
        case(1, "SSL_GET", 8443, &rest("sni_name www.example.org"), UP),
        case(
            2,
            "SSL_GET",
            8443,
            &rest("sni_name other.example.org"),
            UNNAMED,
        ),
        case(
            3,
            "SSL_GET",
            8443,
            &rest("enable_sni\nsni_name other.example.org"),
            UNNAMED,
        ),
        case(4, "SSL_GET", 8443, &rest(""), UNNAMED),
    ];
    expect(&machine, &cases).map(drop)
}

/// The page is "served by nginx over TLS" and a newline; "nginx" is at byte 10.
#[test]
fn a_regex_counts_from_its_first_offset_to_its_last_and_means_what_pcre2_means() -> Result<()> {
    if skipped(&NEEDS) {
        return Ok(());
    }
    let machine = machine("regex")?;
    let _web = peers::tls_server(&machine, 8443)?;
    let up = "Regex match success to RS url(/)";
    let down = "HTTP_CHECK on service RS failed. url(/): the body does not match the regex.";
    let cases: Vec<Case> = (1..)
        .zip([
            ("regex nginx\n regex_min_offset 10", up),
            ("regex nginx\n regex_min_offset 11", down),
            ("regex nginx\n regex_max_offset 10", up),
            ("regex nginx\n regex_max_offset 9", down),
            ("regex \"over TLS$\"", up),
            ("regex \"over TLS$\"\n regex_options dollar_endonly", down),
            ("regex \"nginx(?= over)\"", up),
            ("regex \"nginx(?! over)\"", down),
            ("regex \"NGINX\"\n regex_options caseless firstline", up),
        ])
        .map(|(place, (lines, line))| {
            let rest =
                format!("enable_sni\nurl {{\n path /\n virtualhost www.example.org\n {lines}\n}}");
            case(place, "SSL_GET", 8443, &rest, line)
        })
        .collect();
    expect(&machine, &cases).map(drop)
}

#[test]
fn a_script_runs_as_its_user_and_group() -> Result<()> {
    if skipped(&NEEDS) {
        return Ok(());
    }
    let machine = machine("user")?;
    let script = |place: usize, user: &str, test: &str, end: &str| Case {
        checker: format!(
            "  MISC_CHECK {{\n   misc_path \"/bin/sh -c '{test}'\"\n   user {user}\n  }}"
        ),
        line: format!("[10.0.0.{place}]:tcp:80 VS [192.0.2.1]:tcp:80] by [/bin/sh] {end}"),
    };
    let cases = [
        script(1, "nobody", "[ $(id -un) = nobody ]", "succeeded."),
        script(2, "nobody daemon", "[ $(id -gn) = daemon ]", "succeeded."),
        script(3, "daemon", "[ $(id -un) = nobody ]", "failed"),
        // In no other group: `[` takes one word there.
        script(4, "nobody daemon", "[ $(id -Gn) = daemon ]", "succeeded."),
    ];
    expect(&machine, &cases).map(drop)
}
