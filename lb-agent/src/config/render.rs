//! Remarks as text for people, in the manner of rustc.
//!
//! What comes from the file is never printed raw: a control character in it must not reach a
//! terminal.

mod width;

use self::width::width;
use super::Loaded;
use super::diagnostic::{Code, Severity};
use super::report::{Entry, Place, report};

/// Columns of a line that are shown.
const SHOWN: usize = 100;

/// Lines that are named of those where a remark holds again.
const NAMED: usize = 10;

/// All remarks, and how many there are. Empty when there is nothing to say.
#[must_use]
pub fn render(loaded: &Loaded, colour: bool) -> String {
    let entries = report(loaded);
    let mut page = Page {
        text: String::new(),
        colour,
    };
    for entry in &entries {
        page.entry(entry);
    }
    page.summary(&entries);
    page.text
}

struct Page {
    text: String,
    colour: bool,
}

/// Colours of a terminal (ECMA-48 SGR).
#[derive(Clone, Copy)]
enum Colour {
    Red,
    Yellow,
    Cyan,
    Blue,
    Bold,
}

impl Colour {
    fn of(severity: Severity) -> Self {
        match severity {
            Severity::Error => Self::Red,
            Severity::Warning => Self::Yellow,
            Severity::Notice => Self::Cyan,
        }
    }

    fn code(self) -> &'static str {
        match self {
            Self::Red => "1;31",
            Self::Yellow => "1;33",
            Self::Cyan => "1;36",
            Self::Blue => "1;34",
            Self::Bold => "1",
        }
    }
}

impl Page {
    fn entry(&mut self, entry: &Entry) {
        let head = format!("{}[{}]", entry.severity.word(), entry.code.slug());
        self.paint(Colour::of(entry.severity), &head);
        self.paint(Colour::Bold, &format!(": {}", printable(&entry.message)));
        self.text.push('\n');
        let places = entry
            .place
            .iter()
            .chain(entry.related.iter().map(|other| &other.place));
        let margin = places
            .map(|place| place.line.to_string().len())
            .max()
            .unwrap_or(1);
        if let Some(place) = &entry.place {
            self.place("-->", place, margin);
            self.snippet(place, margin, Colour::of(entry.severity), '^', "");
        }
        for other in &entry.related {
            let elsewhere = entry
                .place
                .as_ref()
                .is_none_or(|place| place.file != other.place.file);
            if elsewhere
                || entry
                    .place
                    .as_ref()
                    .is_some_and(|place| place.line != other.place.line)
            {
                self.place(":::", &other.place, margin);
            }
            self.snippet(&other.place, margin, Colour::Blue, '-', &other.message);
        }
        if let Some(again) = again(entry) {
            self.note(margin, "note", &again);
        }
        if let Some(from) = &entry.included_from {
            let place = format!("included from {}:{}", from.file.display(), from.line);
            self.note(margin, "note", &place);
        }
        if let Some(help) = &entry.help {
            self.note(margin, "help", help);
        }
        self.text.push('\n');
    }

    fn note(&mut self, margin: usize, kind: &str, text: &str) {
        self.paint(Colour::Blue, &format!("{:margin$} = ", ""));
        self.text.extend([kind, ": ", &printable(text), "\n"]);
    }

    fn place(&mut self, arrow: &str, place: &Place, margin: usize) {
        self.paint(Colour::Blue, &format!("{:margin$}{arrow} ", ""));
        let file = printable(&place.file.to_string_lossy());
        let (line, column) = (place.line.to_string(), place.column.to_string());
        self.text.extend([&file, ":", &line, ":", &column, "\n"]);
    }

    fn snippet(&mut self, place: &Place, margin: usize, colour: Colour, mark: char, message: &str) {
        let Some(text) = &place.text else { return };
        let excerpt = Excerpt::of(text, place);
        self.paint(
            Colour::Blue,
            &format!("{:margin$} |\n{:>margin$} | ", "", place.line),
        );
        self.text.push_str(&excerpt.text);
        self.text.push('\n');
        self.paint(Colour::Blue, &format!("{:margin$} | ", ""));
        self.text.push_str(&" ".repeat(excerpt.indent));
        let marks: String = std::iter::repeat_n(mark, excerpt.marked).collect();
        let blank = if message.is_empty() { "" } else { " " };
        self.paint(colour, &format!("{marks}{blank}{}", printable(message)));
        self.text.push('\n');
    }

    fn summary(&mut self, entries: &[Entry]) {
        let counts = [Severity::Error, Severity::Warning, Severity::Notice].map(|severity| {
            let count = entries
                .iter()
                .filter(|entry| entry.severity == severity && entry.code != Code::More)
                .count();
            let plural = if count == 1 { "" } else { "s" };
            (count, format!("{count} {}{plural}", severity.word()))
        });
        let named: Vec<String> = counts
            .into_iter()
            .filter(|(count, _)| *count > 0)
            .map(|(_, name)| name)
            .collect();
        if !named.is_empty() {
            self.text.push_str(&named.join(", "));
            self.text.push('\n');
        }
    }

    fn paint(&mut self, colour: Colour, text: &str) {
        let code = colour.code();
        if self.colour {
            self.text.extend(["\x1b[", code, "m", text, "\x1b[0m"]);
        } else {
            self.text.push_str(text);
        }
    }
}

/// The lines where a remark holds again, in a sentence.
fn again(entry: &Entry) -> Option<String> {
    let file = entry.place.as_ref().map(|place| &place.file);
    let named = entry.repeats.iter().take(NAMED);
    let named = named.map(|place| {
        if Some(&place.file) == file {
            place.line.to_string()
        } else {
            format!("{}:{}", place.file.display(), place.line)
        }
    });
    let named: Vec<String> = named.collect();
    let lines = if entry.repeats.len() == 1 {
        "line"
    } else {
        "lines"
    };
    let more = if entry.repeats.len() > NAMED {
        " …"
    } else {
        ""
    };
    (!named.is_empty()).then(|| format!("also on {lines} {}{more}", named.join(", ")))
}

/// The part of a line that is shown, and what of it is underlined, in columns.
struct Excerpt {
    text: String,
    indent: usize,
    marked: usize,
}

impl Excerpt {
    fn of(line: &str, place: &Place) -> Self {
        let before = place.column - 1;
        // Of a long line the part around the place.
        let skipped = if before + place.length.min(SHOWN / 2) > SHOWN {
            before - SHOWN / 4
        } else {
            0
        };
        let characters = line.trim_end().chars().skip(skipped).take(SHOWN);
        let mut excerpt = Self {
            text: String::new(),
            indent: 0,
            marked: 0,
        };
        if skipped > 0 {
            excerpt.text.push('…');
            excerpt.indent = 1;
        }
        for (index, character) in characters.enumerate() {
            let character = if character.is_control() || character == '\u{feff}' {
                if character == '\t' { ' ' } else { '\u{fffd}' }
            } else {
                character
            };
            let position = index + skipped;
            if position < before {
                excerpt.indent += width(character);
            } else if position < before + place.length {
                excerpt.marked += width(character);
            }
            excerpt.text.push(character);
        }
        excerpt.marked = excerpt.marked.max(1);
        if line.trim_end().chars().count() > skipped + SHOWN {
            excerpt.text.push('…');
        }
        excerpt
    }
}

/// Text without control characters.
fn printable(text: &str) -> String {
    text.chars()
        .map(|character| {
            if character.is_control() {
                '\u{fffd}'
            } else {
                character
            }
        })
        .collect()
}

#[cfg(test)]
mod tests;
