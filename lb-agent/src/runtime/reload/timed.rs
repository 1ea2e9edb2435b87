//! `reload_time_file`: when the next reload is due. Pure: [`driver`] reads the file and the clock.
//!
//! keepalived has it so that all routers of a virtual one change at the same moment. The first line
//! is `HH:MM:SS`, `YY-MM-DD HH:MM:SS` or `YYYY-MM-DD HH:MM:SS`, with `Z` behind it for UTC, else in
//! the time zone of this host, and nothing else. A time of day is the next one; a moment that is
//! over is not waited for.

pub mod driver;

use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ZonedDateTime};
use thiserror::Error;

use crate::log_line::LogLine;

/// A first line that is no time.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error(
    "`{0}` is not a time to reload at: HH:MM:SS or YYYY-MM-DD HH:MM:SS, with Z behind it for UTC"
)]
pub struct NotATime(String);

/// The next reload, and what it was read from.
#[derive(Debug, Default)]
pub struct Schedule {
    text: Option<String>,
    due: Option<Timestamp>,
}

impl Schedule {
    /// What the file holds now; `None`: there is none. What there is to say about it.
    pub fn handle_text(
        &mut self,
        text: Option<&str>,
        now: Timestamp,
        here: &TimeZone,
    ) -> Option<LogLine> {
        if self.text.as_deref() == text {
            return None;
        }
        let cancelled = self.due.take().is_some() && text.is_none();
        self.text = text.map(str::to_owned);
        let Some(text) = text else {
            return cancelled.then(|| LogLine::Info("Scheduled reload cancelled".to_owned()));
        };
        match next(text, now, here) {
            Ok(Some(due)) => {
                let words = due.strftime("%Y-%m-%d %H:%M:%S %Z");
                self.due = Some(due.timestamp());
                Some(LogLine::Info(format!("Scheduling reload for {words}")))
            }
            Ok(None) => Some(LogLine::Warn(format!(
                "Reload date/time {} is in the past - ignoring",
                first_line(text)
            ))),
            Err(error) => Some(LogLine::Warn(error.to_string())),
        }
    }

    /// When something has to be done.
    pub const fn poll_timeout(&self) -> Option<Timestamp> {
        self.due
    }

    /// Whether the reload is due. With `repeat` (`reload_repeat`) a time of day is due every day.
    pub fn handle_timeout(&mut self, now: Timestamp, repeat: bool, here: &TimeZone) -> bool {
        if self.due.is_none_or(|due| now < due) {
            return false;
        }
        self.due = None;
        if repeat && let Some(Ok(Some(again))) = self.text.as_ref().map(|it| next(it, now, here)) {
            self.due = Some(again.timestamp());
        }
        true
    }
}

fn first_line(text: &str) -> &str {
    text.split('\n').next().unwrap_or_default()
}

/// The moment that a text means; `None`: it is over.
fn next(text: &str, now: Timestamp, here: &TimeZone) -> Result<Option<ZonedDateTime>, NotATime> {
    let line = first_line(text);
    let wrong = || NotATime(line.chars().take(40).collect());
    let (words, zone) = match line.strip_suffix('Z') {
        Some(words) => (words, TimeZone::UTC),
        None => (line, here.clone()),
    };
    let now = now.to_zoned_datetime(zone.clone());
    let in_zone = |time: DateTime| time.to_zoned_datetime(zone.clone()).ok();
    let due = if let Some((date, time)) = words.split_once(' ') {
        let (year, month, day) = date_of(date).ok_or_else(wrong)?;
        let (hour, minute, second) = time_of(time).ok_or_else(wrong)?;
        let time = DateTime::new(year, month, day, hour, minute, second, 0);
        time.ok().and_then(in_zone).ok_or_else(wrong)?
    } else {
        let (hour, minute, second) = time_of(words).ok_or_else(wrong)?;
        let on = |date: Date| in_zone(date.at(hour, minute, second, 0));
        let today = on(now.date()).ok_or_else(wrong)?;
        if today > now {
            today
        } else {
            let tomorrow = now.date().tomorrow().ok();
            tomorrow.and_then(on).ok_or_else(wrong)?
        }
    };
    Ok((due > now).then_some(due))
}

/// `YY-MM-DD`, of this century, or `YYYY-MM-DD`.
fn date_of(text: &str) -> Option<(i16, i8, i8)> {
    let mut parts = text.split('-');
    let year = parts.next()?;
    let number = digits(year)?;
    let year = match year.len() {
        2 => 2000 + number,
        4 => number,
        _ => return None,
    };
    let (month, day) = (two_digits(parts.next()?)?, two_digits(parts.next()?)?);
    let is_day = (1..=12).contains(&month) && (1..=31).contains(&day);
    (parts.next().is_none() && is_day).then_some((year, month, day))
}

/// `HH:MM:SS`
fn time_of(text: &str) -> Option<(i8, i8, i8)> {
    let mut parts = text.split(':');
    let hour = two_digits(parts.next()?)?;
    let minute = two_digits(parts.next()?)?;
    let second = two_digits(parts.next()?)?;
    let is_time = hour < 24 && minute < 60 && second < 60;
    (parts.next().is_none() && is_time).then_some((hour, minute, second))
}

fn two_digits(text: &str) -> Option<i8> {
    let number = (text.len() == 2).then(|| digits(text))??;
    i8::try_from(number).ok()
}

fn digits(text: &str) -> Option<i16> {
    let plain = text.bytes().all(|byte| byte.is_ascii_digit());
    if plain { text.parse().ok() } else { None }
}

#[cfg(test)]
mod tests;
