//! The page itself: blocks and lines, with their origins in a column.

use serde_json::Value;

use super::place::Place;
use super::words::{flat, spelled, word};
use crate::config::Loaded;
use crate::config::text::Span;
use crate::config::trace::Origin;

/// Column in which the origins stand.
const COLUMN: usize = 52;

pub(super) struct Page<'l> {
    pub(super) text: String,
    pub(super) loaded: &'l Loaded,
}

impl Page<'_> {
    pub(super) fn block(&mut self, title: &str, fields: &Value, place: &Place<'_>, depth: usize) {
        self.open(title, place.span(), depth);
        self.fields(fields, place, depth + 1, &["name"]);
        self.close(depth);
    }

    pub(super) fn fields(
        &mut self,
        fields: &Value,
        place: &Place<'_>,
        depth: usize,
        skipped: &[&str],
    ) {
        for (name, value) in fields.as_object().into_iter().flatten() {
            if !skipped.contains(&name.as_str()) {
                self.field(name, value, place, depth);
            }
        }
    }

    pub(super) fn field(&mut self, name: &str, value: &Value, place: &Place<'_>, depth: usize) {
        if let Some(word) = spelled(name, value).or_else(|| word(value)) {
            let origin = place.origin(name, &word);
            let origin = origin.map_or_else(|| "default".to_owned(), |it| self.origin(it));
            self.line(&format!("{name} {word}"), &origin, depth);
            return;
        }
        match value {
            Value::Object(_) => {
                self.open(name, place.keyword(name), depth);
                self.fields(value, &place.inside(name), depth + 1, &[]);
                self.close(depth);
            }
            Value::Array(items) if !items.is_empty() => {
                self.open(name, place.keyword(name), depth);
                let lines = place.lines(name, items.len());
                for (item, line) in items.iter().zip(lines) {
                    let text = word(item).unwrap_or_else(|| flat(item));
                    self.item(&text, line, depth + 1);
                }
                self.close(depth);
            }
            // What is not there says nothing.
            _ => {}
        }
    }

    /// One value of a list.
    pub(super) fn item(&mut self, text: &str, line: Option<Span>, depth: usize) {
        let origin = line.map_or_else(String::new, |line| self.place(line));
        self.line(text, &origin, depth);
    }

    pub(super) fn open(&mut self, title: &str, span: Option<Span>, depth: usize) {
        let origin = span.map_or_else(String::new, |span| self.place(span));
        self.line(&format!("{title} {{"), &origin, depth);
    }

    pub(super) fn close(&mut self, depth: usize) {
        self.line("}", "", depth);
    }

    pub(super) fn line(&mut self, text: &str, origin: &str, depth: usize) {
        let indented = format!("{:width$}{text}", "", width = depth * 4);
        self.text.push_str(&indented);
        if !origin.is_empty() {
            let column = indented.chars().count();
            let gap = COLUMN.saturating_sub(column).max(1);
            self.text.extend([&" ".repeat(gap), "# ", origin]);
        }
        self.text.push('\n');
    }

    /// `lb.conf:16`, or `lb.conf:16, delay_loop` for what follows from another keyword.
    fn origin(&self, origin: Origin) -> String {
        let place = self.place(origin.span);
        let follows = origin.follows.map(|keyword| format!(", {keyword}"));
        place + &follows.unwrap_or_default()
    }

    fn place(&self, span: Span) -> String {
        let file = self.loaded.sources.file(span.file);
        file.map_or_else(String::new, |file| {
            let line = file.location(span.start).line;
            format!("{}:{line}", file.path().display())
        })
    }
}
