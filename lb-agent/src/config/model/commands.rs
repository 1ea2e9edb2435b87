//! All programs that a configuration runs.

use super::{CheckerKind, Command, Config, Notify, RealServer};

/// A command, and for what it is run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Use<'a> {
    /// What it is, as keepalived says it: `track script`, `notify script`, `misc script` …
    pub kind: &'static str,
    /// The `vrrp_script`, else the command itself.
    pub name: &'a str,
    /// The command.
    pub command: &'a Command,
}

impl<'a> Use<'a> {
    fn new(kind: &'static str, command: &'a Command) -> Self {
        Self {
            kind,
            name: &command.command,
            command,
        }
    }
}

impl Config {
    /// Every command of it, those that nobody refers to included.
    pub fn commands(&self) -> impl Iterator<Item = Use<'_>> {
        let scripts = self.vrrp_scripts.iter().map(|script| Use {
            kind: "track script",
            name: &script.name,
            command: &script.script,
        });
        let instances = self.vrrp_instances.iter().map(|instance| &instance.notify);
        let groups = self.vrrp_sync_groups.iter().map(|group| &group.notify);
        let notify = instances.chain(groups).flat_map(of_notify);
        scripts
            .chain(notify)
            .chain(self.of_servers())
            .chain(self.of_fifos())
            .chain(self.of_start_and_end())
    }

    fn of_servers(&self) -> impl Iterator<Item = Use<'_>> {
        self.virtual_servers.iter().flat_map(|service| {
            let quorum = [&service.quorum_up, &service.quorum_down];
            let quorum = quorum.into_iter().flatten();
            quorum
                .map(|command| Use::new("notify script", command))
                .chain(service.real_servers.iter().flat_map(of_server))
        })
    }

    fn of_fifos(&self) -> impl Iterator<Item = Use<'_>> {
        let notify = &self.global_defs.notify;
        let fifos = [
            ("notify fifo script", &notify.notify_fifo),
            ("vrrp notify fifo script", &notify.vrrp_notify_fifo),
            ("lvs notify fifo script", &notify.lvs_notify_fifo),
        ];
        let scripts = fifos.into_iter();
        scripts.filter_map(|(kind, fifo)| Some(Use::new(kind, fifo.fifo_script.as_ref()?)))
    }

    fn of_start_and_end(&self) -> impl Iterator<Item = Use<'_>> {
        let scripts = &self.global_defs.scripts;
        let both = [
            ("startup script", &scripts.startup_script),
            ("shutdown script", &scripts.shutdown_script),
        ];
        let both = both.into_iter();
        both.filter_map(|(kind, timed)| Some(Use::new(kind, &timed.as_ref()?.command)))
    }
}

fn of_notify(notify: &Notify) -> impl Iterator<Item = Use<'_>> {
    let commands = [
        &notify.notify_master,
        &notify.notify_backup,
        &notify.notify_fault,
        &notify.notify_stop,
        &notify.notify,
        &notify.notify_master_rx_lower_pri,
        &notify.notify_split_brain,
    ];
    let commands = commands.into_iter().flatten();
    commands.map(|command| Use::new("notify script", command))
}

fn of_server(server: &RealServer) -> impl Iterator<Item = Use<'_>> {
    let notify = [&server.notify_up, &server.notify_down];
    let notify = notify.into_iter().flatten();
    let checkers = server.checkers.iter();
    let misc = checkers.filter_map(|checker| match &checker.kind {
        CheckerKind::Misc(check) => Some(Use::new("misc script", &check.misc_path)),
        CheckerKind::Tcp
        | CheckerKind::TcpViaTunnel
        | CheckerKind::Http(_)
        | CheckerKind::Ssl(_)
        | CheckerKind::Smtp(_)
        | CheckerKind::Dns(_)
        | CheckerKind::Udp(_)
        | CheckerKind::Ping
        | CheckerKind::Bfd(_)
        | CheckerKind::File(_) => None,
    });
    notify
        .map(|command| Use::new("notify script", command))
        .chain(misc)
}
