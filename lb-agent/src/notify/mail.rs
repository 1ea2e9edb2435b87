//! A mail and its text (RFC 5322), as keepalived writes it. Pure.

use std::fmt::Write as _;
use std::time::{Duration, SystemTime};

/// What a mail says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mail {
    /// The subject.
    pub subject: String,
    /// One line, as a rule.
    pub body: String,
}

/// From whom and to whom; from `global_defs`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Envelope {
    /// `notification_email_from`.
    pub from: String,
    /// `notification_email`.
    pub to: Vec<String>,
}

impl Mail {
    /// Headers and body up to the final dot, lines that begin with a dot doubled (RFC 5321 4.5.2).
    pub fn text(&self, envelope: &Envelope, date: SystemTime) -> String {
        let mut text = String::new();
        for (name, value) in [
            ("Date", date_time(date)),
            ("From", one_line(&envelope.from)),
            ("Subject", one_line(&self.subject)),
            ("X-Mailer", "Keepalived".into()),
            ("To", one_line(&envelope.to.join(", "))),
        ] {
            // Writing to a string does not fail.
            write!(text, "{name}: {value}\r\n").ok();
        }
        text.push_str("\r\n");
        for line in self.body.lines() {
            if line.starts_with('.') {
                text.push('.');
            }
            text.push_str(line);
            text.push_str("\r\n");
        }
        // keepalived leaves an empty line before the dot.
        text.push_str("\r\n.\r\n");
        text
    }
}

/// Names come from the configuration: whatever stands in them, it stays one header.
pub(super) fn one_line(text: &str) -> String {
    let blank = |character: char| {
        if character.is_control() {
            ' '
        } else {
            character
        }
    };
    text.chars().map(blank).collect()
}

/// `Sat, 21 Nov 2026 10:26:47 +0000` (RFC 5322 3.3). A time before 1970 is 1970.
fn date_time(time: SystemTime) -> String {
    const DAY: u64 = 86_400;
    const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
    const MONTHS: [&str; 12] = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ];
    let since = time.duration_since(SystemTime::UNIX_EPOCH);
    let seconds = since.unwrap_or(Duration::ZERO).as_secs();
    let (days, of_day) = (seconds / DAY, seconds % DAY);
    let (year, month, day) = date(days);
    let name = |names: &[&'static str], place: u64| {
        let place = usize::try_from(place).unwrap_or_default();
        names.get(place).copied().unwrap_or_default()
    };
    format!(
        "{}, {day:02} {} {year} {:02}:{:02}:{:02} +0000",
        name(&DAYS, days % 7),
        name(&MONTHS, month),
        of_day / 3600,
        of_day / 60 % 60,
        of_day % 60
    )
}

/// Year, month from 0 and day from 1 of a day counted from 1970-01-01.
const fn date(mut days: u64) -> (u64, u64, u64) {
    let mut year = 1970;
    loop {
        let length = 365 + is_leap(year) as u64;
        if days < length {
            break;
        }
        days -= length;
        year += 1;
    }
    let mut month = 0;
    loop {
        let length = match month {
            1 => 28 + is_leap(year) as u64,
            3 | 5 | 8 | 10 => 30,
            _ => 31,
        };
        if days < length {
            return (year, month, days + 1);
        }
        days -= length;
        month += 1;
    }
}

const fn is_leap(year: u64) -> bool {
    year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
}

#[cfg(test)]
mod tests;
