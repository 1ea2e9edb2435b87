//! What VRRP and health have to say is heard, and told on.

use super::{Supervisor, write_lines};
use crate::health;
use crate::vrrp::{Change, News};

/// Events of health that are taken before anything else gets its turn.
const MOST_EVENTS: usize = 1000;

impl Supervisor {
    /// What VRRP has said by now. Who asks `dump` after a failover sees it at once.
    pub(super) fn handle_all_news(&mut self, first: &News) {
        self.handle_news(first);
        for _ in 0..MOST_EVENTS {
            let Ok(news) = self.news.try_recv() else {
                break;
            };
            self.handle_news(&news);
        }
        self.write_status();
    }

    pub(super) fn handle_news(&mut self, news: &News) {
        if !self.tell_deleted(news) {
            self.telling.handle_news(news);
        }
        match news {
            News::Changed(Change { instance, to, .. }) => {
                if let Some(name) = self.places.get(*instance) {
                    self.director.handle_role(name, *to);
                }
                self.stale = true;
            }
            News::Reloaded => self.settle_reload(),
            News::Group { .. }
            | News::Priority { .. }
            | News::LowerPriority { .. }
            | News::SplitBrain { .. } => {}
        }
    }

    /// What health has said by now: the data plane hears of all of it at once.
    pub(super) fn handle_events(&mut self, first: &health::Event) {
        self.handle_health(first);
        for _ in 0..MOST_EVENTS {
            let Ok(event) = self.events.try_recv() else {
                return;
            };
            self.handle_health(&event);
        }
    }

    /// All that health has said until now: it is about the configuration that still is.
    pub(super) fn hear_health_out(&mut self) {
        while let Ok(event) = self.events.try_recv() {
            self.handle_health(&event);
        }
    }

    pub(super) fn tell_notices(&mut self) {
        while let Some((service, notice)) = self.director.poll_notice() {
            self.telling.handle_notice(&service, &notice);
        }
    }

    pub(super) fn handle_health(&mut self, event: &health::Event) {
        self.telling.handle_checker(event);
        let (changed, lines) = self.director.handle_health(event);
        write_lines(lines);
        if changed {
            self.memory.note_change();
            self.applied.changed(event.at);
        }
    }
}
