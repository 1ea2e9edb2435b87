//! Virtual servers and their real servers, in the layout of `ipvsadm -Ln`.
//!
//! Scripts that read `ipvsadm` have to read this: widths, blanks and abbreviations are those of
//! ipvsadm 1.31, compared with its output in the tests.

use std::io::{self, Write};
use std::net::IpAddr;

use super::model::{AddressesView, AgentView, Counters, Granularity, ServerView, ServiceView};

/// Which figures stand beside a server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Columns {
    /// Method, weight and connections: `ipvsadm -Ln`.
    #[default]
    Connections,
    /// Totals: `ipvsadm -Ln --stats`.
    Stats,
    /// Figures per second: `ipvsadm -Ln --rate`.
    Rate,
}

/// Writes the table.
pub fn write(
    out: &mut dyn Write,
    agent: &AgentView,
    services: &[ServiceView],
    columns: Columns,
) -> io::Result<()> {
    writeln!(
        out,
        "lb-agent {} (size={})",
        agent.version, agent.flow_table_size
    )?;
    write_headings(out, columns)?;
    for service in services {
        let name = name(service);
        match columns {
            Columns::Connections => writeln!(out, "{name} {}", flags(service))?,
            Columns::Stats => write_figures(out, &format!("{name:<33}"), &service.counters)?,
            Columns::Rate => write_figures(out, &format!("{name:<33}"), &rates(service.rates))?,
        }
        for line in &service.addresses {
            writeln!(out, "     {}", as_written(line))?;
        }
        for server in &service.servers {
            write_server(out, server, columns)?;
        }
    }
    Ok(())
}

fn write_headings(out: &mut dyn Write, columns: Columns) -> io::Result<()> {
    const LOCAL: &str = "Prot LocalAddress:Port";
    const REMOTE: &str = "  -> RemoteAddress:Port";
    match columns {
        Columns::Connections => {
            writeln!(out, "{LOCAL} Scheduler Flags")?;
            writeln!(out, "{REMOTE:<33} Forward Weight ActiveConn InActConn")
        }
        Columns::Stats => {
            writeln!(
                out,
                "{LOCAL:<33}    Conns   InPkts  OutPkts  InBytes OutBytes"
            )?;
            writeln!(out, "{REMOTE}")
        }
        Columns::Rate => {
            writeln!(
                out,
                "{LOCAL:<33}      CPS    InPPS   OutPPS    InBPS   OutBPS"
            )?;
            writeln!(out, "{REMOTE}")
        }
    }
}

fn write_server(out: &mut dyn Write, server: &ServerView, columns: Columns) -> io::Result<()> {
    let name = format!("  -> {:<28}", server.endpoint);
    match columns {
        Columns::Connections => writeln!(
            out,
            "{name} {:<7} {:<6} {:<10} {:<10}",
            server.method.name(),
            server.weight,
            server.active_connections,
            server.inactive_connections
        ),
        Columns::Stats => write_figures(out, &name, &server.counters),
        Columns::Rate => write_figures(out, &name, &rates(server.rates)),
    }
}

/// A line of a group, as keepalived's manual has it: `192.0.2.1-9 80`, and behind it why its packets are not
/// forwarded.
fn as_written(line: &AddressesView) -> String {
    let addresses = if line.last == line.first {
        line.first.to_string()
    } else {
        format!("{}-{}", line.first, shortened(line.first, line.last))
    };
    let ports = if line.last_port == line.first_port {
        line.first_port.to_string()
    } else {
        format!("{}-{}", line.first_port, line.last_port)
    };
    let why = match (&line.instance, line.armed) {
        (_, true) => String::new(),
        (Some(instance), false) => format!(" (not here: {instance} is not MASTER)"),
        (None, false) => " (not here)".to_owned(),
    };
    format!("{addresses} {ports}{why}")
}

/// The last address of a range: its last part alone, where the others are those of the first address.
fn shortened(first: IpAddr, last: IpAddr) -> String {
    let between = if first.is_ipv4() { '.' } else { ':' };
    let (first, last) = (first.to_string(), last.to_string());
    match (first.rsplit_once(between), last.rsplit_once(between)) {
        (Some((head, _)), Some((same, tail))) if head == same => tail.to_owned(),
        _ => last,
    }
}

/// What names a service: `TCP  192.0.2.1:80`, `FWM  7`, `FWM  7 IPv6`, `TCP  group web`.
fn name(service: &ServiceView) -> String {
    let protocol = service.protocol.name();
    if let Some(group) = &service.group {
        return format!("{protocol:<4} group {group}");
    }
    match service.fwmark {
        None => format!("{protocol:<4} {}", service.endpoint),
        Some(mark) if service.endpoint.address.is_ipv6() => format!("{protocol:<4} {mark} IPv6"),
        Some(mark) => format!("{protocol:<4} {mark}"),
    }
}

/// The scheduler and what differs from the default.
fn flags(service: &ServiceView) -> String {
    let mut text = service.scheduler.clone().into_owned();
    if !service.scheduler_flags.is_empty() {
        text = format!("{text} ({})", service.scheduler_flags.join(","));
    }
    if let Some(persistence) = service.persistence {
        text = format!("{text} persistent {}", persistence.timeout_seconds);
        match persistence.granularity {
            Granularity::Mask(mask) if !mask.is_broadcast() => {
                text = format!("{text} mask {mask}");
            }
            Granularity::Prefix(prefix) if prefix < 128 => text = format!("{text} mask {prefix}"),
            Granularity::Mask(_) | Granularity::Prefix(_) => {}
        }
    }
    if let Some(engine) = &service.persistence_engine {
        text = format!("{text} pe {engine}");
    }
    if service.ops {
        text.push_str(" ops");
    }
    text
}

fn rates(rates: Option<Counters>) -> Counters {
    rates.unwrap_or_default()
}

fn write_figures(out: &mut dyn Write, name: &str, counters: &Counters) -> io::Result<()> {
    let figures = [
        counters.conns,
        counters.in_packets,
        counters.out_packets,
        counters.in_bytes,
        counters.out_bytes,
    ];
    let figures: String = figures.into_iter().map(figure).collect();
    writeln!(out, "{name}{figures}")
}

/// Nine characters; from 100 million on in thousands, millions, and so on, cut off.
fn figure(value: u64) -> String {
    const MILLION: u64 = 1_000_000;
    const BILLION: u64 = 1000 * MILLION;
    const TRILLION: u64 = 1000 * BILLION;
    match value {
        0..=99_999_999 => format!("{value:>9}"),
        100_000_000..=999_999_999 => format!("{:>8}K", value / 1000),
        1_000_000_000..=99_999_999_999 => format!("{:>8}M", value / MILLION),
        100_000_000_000..=99_999_999_999_999 => format!("{:>8}G", value / BILLION),
        100_000_000_000_000.. => format!("{:>8}T", value / TRILLION),
    }
}

#[cfg(test)]
mod tests;
