//! Which line a value comes from: the keyword itself, in its block or in one that hands down to it,
//! or another keyword that the value follows from.

use crate::config::draft::Given;
use crate::config::text::Span;
use crate::config::trace::{Lists, Origin, Overruled};

/// A block within those that hand their settings down to it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Place<'o> {
    /// From the inside out.
    blocks: Vec<(Option<Block>, &'o Given)>,
    /// Blocks in this one.
    inner: Vec<(Block, &'o Given)>,
    /// The field of the model that the fields asked for belong to.
    object: Option<String>,
    /// The fields that other keywords decide about.
    overruled: Option<&'o Overruled>,
    /// The lists of which it is noted what became of their lines.
    lists: Option<&'o Lists>,
}

/// The first line of a block.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Block {
    keyword: &'static str,
    span: Span,
}

impl Block {
    /// A block of this keyword, which begins there.
    pub(crate) const fn new(keyword: &'static str, span: Span) -> Self {
        Self { keyword, span }
    }
}

impl<'o> Place<'o> {
    /// What has no first line of its own: the top level, or a block of which there is one.
    pub(crate) fn of(given: &'o Given) -> Self {
        Self {
            blocks: vec![(None, given)],
            ..Self::default()
        }
    }

    /// A block.
    pub(crate) fn at(block: Block, given: &'o Given) -> Self {
        Self {
            blocks: vec![(Some(block), given)],
            ..Self::default()
        }
    }

    /// The same within another block and all those around it.
    pub(crate) fn within(mut self, outer: &Self) -> Self {
        self.blocks.extend(&outer.blocks);
        self
    }

    /// The same with a block in it.
    pub(crate) fn around(mut self, inner: &Self) -> Self {
        if let Some((Some(block), given)) = inner.blocks.first() {
            self.inner.push((*block, given));
        }
        self
    }

    /// The place of what a field of several fields holds: a block of its name, if there is one.
    pub(crate) fn inside(&self, object: &str) -> Self {
        let block = self.inner.iter().find(|(it, _)| it.keyword == object);
        let block = block.map(|(block, given)| (Some(*block), *given));
        Self {
            blocks: block.into_iter().chain(self.blocks.clone()).collect(),
            inner: Vec::new(),
            object: Some(object.to_owned()),
            overruled: self.overruled,
            lists: self.lists,
        }
    }

    /// The same with fields that other keywords decide about.
    pub(crate) fn overruled(mut self, overruled: Option<&'o Overruled>) -> Self {
        self.overruled = overruled;
        self
    }

    /// The same with lists of which it is noted what became of their lines.
    pub(crate) fn with_lists(mut self, lists: Option<&'o Lists>) -> Self {
        self.lists = lists;
        self
    }

    /// Whether it is a block of this keyword.
    pub(crate) fn is(&self, keyword: &str) -> bool {
        self.block(0).is_some_and(|block| block.keyword == keyword)
    }

    /// Where the block stands.
    pub(crate) fn span(&self) -> Option<Span> {
        self.block(0).map(|block| block.span)
    }

    fn block(&self, index: usize) -> Option<Block> {
        let (block, _) = self.blocks.get(index)?;
        *block
    }

    /// Where a field's value comes from; `None`: it is the default.
    pub(crate) fn origin(&self, field: &str, value: &str) -> Option<Origin> {
        let overruled = self.overruled.and_then(|fields| fields.get(field));
        if let Some(by) = overruled {
            return Some(*by);
        }
        if field == "alpha" && self.is("real_server") {
            return self.alpha_of_server();
        }
        let own = self.keyword(field).map(|span| Origin {
            span,
            follows: None,
        });
        own.or_else(|| self.first_line(field))
            .or_else(|| self.followed(field, value))
    }

    /// A server has the `alpha` of its checkers, and without one it has none: the block in it is the
    /// checker that decides.
    fn alpha_of_server(&self) -> Option<Origin> {
        let (_, check) = self.inner.first()?;
        let follows = Some("alpha");
        let own = check.span("alpha").map(|span| Origin { span, follows });
        own.or_else(|| {
            let (span, follows) = (self.keyword("alpha")?, None);
            Some(Origin { span, follows })
        })
    }

    /// The line of a field's own keyword, here or in a block that hands it down.
    pub(crate) fn keyword(&self, field: &str) -> Option<Span> {
        let object = self.object.as_deref().unwrap_or_default();
        let names = names(object, field);
        let mut blocks = self.blocks.iter();
        let (_, own) = blocks.next()?;
        // Of two keywords for one thing the last line counts.
        let own = names.iter().filter_map(|name| own.span(name)).max();
        if field == "smtp_alert" {
            // Of mails only `global_defs` says more.
            let (_, global) = self.blocks.last()?;
            let mut names = self.mails().iter();
            return own.or_else(|| names.find_map(|name| global.span(name)));
        }
        if field == "priority" {
            // `vrrp_priority` and its like are those of processes.
            return own;
        }
        own.or_else(|| {
            blocks.find_map(|(_, given)| {
                let mut outer = names.iter().flat_map(|name| outer_names(name));
                outer.find_map(|name| given.span(&name))
            })
        })
    }

    /// The lines of a list of `count` values, where each has one.
    pub(crate) fn lines(&self, field: &str, count: usize) -> Vec<Option<Span>> {
        let noted = self.lists.and_then(|lists| lists.get(field));
        if let Some(places) = noted.filter(|places| places.len() == count) {
            return places.iter().copied().map(Some).collect();
        }
        let object = self.object.as_deref().unwrap_or_default();
        let names = names(object, field);
        let mut blocks = self.blocks.iter();
        let found = blocks.find_map(|(_, given)| {
            let mut names = names.iter();
            names.find_map(|name| given.lines(name, count))
        });
        found.map_or_else(
            || vec![None; count],
            |lines| lines.into_iter().map(Some).collect(),
        )
    }

    /// The keywords of `global_defs` that say whether mails are sent about what stands here.
    fn mails(&self) -> &'static [&'static str] {
        match self.block(0).map(|block| block.keyword) {
            Some("vrrp_instance" | "vrrp_sync_group") => &["smtp_alert_vrrp", "smtp_alert"],
            Some("virtual_server" | "real_server") => &["smtp_alert_checker", "smtp_alert"],
            Some(_) | None => &[],
        }
    }

    /// What the first line of a block says: this one's, or that of the server around a checker.
    fn first_line(&self, field: &str) -> Option<Origin> {
        let (block, follows) = match field {
            "connect_ip" | "connect_port" => {
                let server = self.block(1)?;
                (server, Some(server.keyword))
            }
            "active_key" => (self.block(0)?, Some("key")),
            _ => return None,
        };
        Some(Origin {
            span: block.span,
            follows,
        })
    }

    /// The line that a value follows from, where the field's keyword stands nowhere.
    fn followed(&self, field: &str, value: &str) -> Option<Origin> {
        let block = self.block(0).map_or("", |block| block.keyword);
        let mut sources = sources(block, field, value).iter();
        sources.find_map(|keyword| {
            let blocks = self.blocks.iter().map(|(_, given)| *given);
            let inner = self.inner.iter().map(|(_, given)| *given);
            Some(Origin {
                span: blocks.chain(inner).find_map(|given| given.span(keyword))?,
                follows: Some(*keyword),
            })
        })
    }
}

/// The keywords that say a field: mostly its own name, or with that of what it belongs to.
fn names(object: &str, field: &str) -> Vec<String> {
    let others: &[&str] = match (object, field) {
        (_, "nopreempt") => &["preempt"],
        (_, "accept") => &["no_accept"],
        (_, "mcast_dst_ip") => &["mcast_group4", "mcast_group6"],
        (_, "script" | "command") => &["script", "misc_path"],
        (_, "user" | "group") => &["user", "script_user"],
        (_, "persistence_granularity6") => &["persistence_granularity"],
        (_, "allow_if_changes") => &["dynamic_interfaces"],
        (_, "flag_1") => &["flag-1"],
        (_, "flag_2") => &["flag-2"],
        (_, "flag_3") => &["flag-3"],
        (_, "urls") => &["url"],
        ("Dns", "kind") => &["type"],
        (_, _) => &[],
    };
    let mut names = vec![field.to_owned(), format!("{object}_{field}")];
    names.extend(others.iter().map(|name| (*name).to_owned()));
    names
}

/// The names of a keyword in the blocks that hand it down.
fn outer_names(keyword: &str) -> [String; 4] {
    [
        keyword.to_owned(),
        format!("vrrp_{keyword}"),
        format!("checker_{keyword}"),
        format!("default_{keyword}"),
    ]
}

/// The keywords that the value of a field follows from: the first that is there.
fn sources(block: &str, field: &str, value: &str) -> &'static [&'static str] {
    match (block, field, value) {
        (_, "accept", "off") => &["strict_mode", "vrrp_strict"],
        (_, "strict_mode", _) => &["vrrp_strict"],
        (_, "priority", "255") => &["state"],
        (_, "interface", _) => &["vrf"],
        (_, "version", "3") => &["virtual_ipaddress", "native_ipv6"],
        (_, "lower_prio_delay", _) => &["vrrp_garp_master_delay", "vrrp_min_garp"],
        (_, "lower_prio_repeat", _) => &["vrrp_garp_master_repeat", "vrrp_min_garp"],
        (_, "master_delay" | "master_repeat", _) => &["vrrp_min_garp"],
        (_, "netlink_notify_msg", "on") => &["use_vmac"],
        ("virtual_server", "ip_family", _) => &["real_server"],
        ("vrrp_script", "timeout", _) => &["interval"],
        ("vrrp_track_process", "fork_delay" | "terminate_delay", _) => &["delay"],
        ("bfd_instance", "ttl", "64") => &["multihop"],
        ("bfd_instance", "checker", "off") => &["vrrp"],
        ("bfd_instance", "vrrp", "off") => &["checker"],
        ("TCP_CHECK", "kind", "TcpViaTunnel") => &["xdp_check_via_tunnel"],
        ("DNS_CHECK", "delay_before_retry", _) | (_, "warmup" | "misc_timeout", _) => {
            &["delay_loop"]
        }
        (_, _, _) => &[],
    }
}
