//! `docs/configuration.md`, made from the tables.

use super::section::{AnySection, Kind, Row};
use super::{SECTIONS, Status, TOP_LEVEL};

const HEAD: &str = "\
<!-- Made by `cargo xtask docs` from lb-agent/src/config/keywords; edit there. -->

# Configuration

The file is keepalived's: `/etc/keepalived/keepalived.conf`, or `--config FILE`. Every keyword of
keepalived up to 2.4.3 is known. What a keyword does here:

| | |
| --- | --- |
| works | as with keepalived; where not, [keepalived.md](keepalived.md) and [health.md](health.md) say so |
| without effect | by design; a notice says why |
| refused | an error says what to do instead |

Our own keywords begin with `xdp_`, but for `notify_split_brain`; keepalived warns about them and goes on (`keepalived -t` then ends
with 5). They are explained in [xdp.md](xdp.md), [scheduling.md](scheduling.md), [health.md](health.md) and [keepalived.md](keepalived.md).
Macros are keepalived's: `@ID`, `$NAME`, `~SEQ`, `~LST`. Times are seconds with up to six digits behind the point where no unit stands.
`lb-agent check` says what it makes of a file.
";

const COLUMNS: &str = "| keyword | default | example | here |\n| --- | --- | --- | --- |\n";

/// The whole document.
pub fn configuration_md() -> String {
    let mut text = HEAD.to_owned();
    for section in SECTIONS {
        write_section(&mut text, *section);
    }
    text
}

fn write_section(text: &mut String, section: &dyn AnySection) {
    let title = match section.kind() {
        Kind::Block if section.name() == TOP_LEVEL => "Top level".to_owned(),
        Kind::Block => format!("`{}`", section.name()),
        Kind::Options => format!("Options of {}", section.name()),
        Kind::Everywhere => format!("In {}", section.name()),
    };
    let rows = section.rows();
    text.extend(["\n## ", &title, "\n\n", COLUMNS]);
    for row in &rows {
        write_row(text, row);
    }
}

fn write_row(text: &mut String, row: &Row) {
    let mut keyword = format!("`{}`", format!("{} {}", row.name, row.syntax).trim());
    if !row.aliases.is_empty() {
        let names: Vec<String> = row.aliases.iter().map(|name| format!("`{name}`")).collect();
        keyword = format!("{keyword}, also {}", names.join(", "));
    }
    if !row.since.is_empty() {
        keyword = format!("{keyword} (keepalived {})", row.since);
    }
    let here = match row.status {
        Status::Done => "works".to_owned(),
        Status::Accepted(why) => format!("without effect: {why}"),
        Status::Refused(why) => format!("refused: {why}"),
    };
    let example = if row.example.is_empty() || row.example.contains('\n') {
        String::new()
    } else {
        format!("`{} {}`", row.name, row.example)
    };
    let escape = |cell: &str| cell.replace('|', "\\|");
    let cells = [keyword.as_str(), row.default, &example, &here].map(escape);
    text.extend(["| ", &cells.join(" | "), " |\n"]);
}
