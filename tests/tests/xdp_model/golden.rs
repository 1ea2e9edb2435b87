//! Frames by hand, byte for byte: `golden.txt`.

use anyhow::{Context as _, Result, ensure};
use lb_agent::config::model::Forwarding::{Dr, Nat, Tun};
use lb_agent::dataplane::desired::{Desired, Path, Server, Service};

use crate::fixture::{in_director, server, service};
use crate::frame::{SCTP, TCP, UDP};
use crate::model::{DROP, Outcome, PASS, REDIRECT, TX};
use crate::network::Network;
use crate::trial::hex;

/// What comes in, the verdict, what goes out (`None`: what came in).
struct Case {
    name: &'static str,
    frame: Vec<u8>,
    verdict: u32,
    becomes: Option<Vec<u8>>,
}

fn bytes(text: &str) -> Result<Vec<u8>> {
    let digits: Vec<u8> = text
        .bytes()
        .filter(|byte| !byte.is_ascii_whitespace())
        .collect();
    let byte = |pair: &[u8]| Ok(u8::from_str_radix(std::str::from_utf8(pair)?, 16)?);
    digits.chunks(2).map(byte).collect()
}

fn case(text: &'static str) -> Result<Case> {
    let mut lines = text.lines();
    let mut line = || lines.next().context("a line is missing");
    let name = line()?.strip_prefix("# ").context("no name")?;
    let frame = bytes(line()?.strip_prefix("in ").context("no frame")?)?;
    let (verdict, becomes) = line()?.split_once(' ').context("no verdict")?;
    let verdict = match verdict {
        "drop" => DROP,
        "tx" => TX,
        "pass" => PASS,
        _ => REDIRECT,
    };
    let becomes = match becomes.trim() {
        "as it came" => None,
        frame => Some(bytes(frame)?),
    };
    Ok(Case {
        name,
        frame,
        verdict,
        becomes,
    })
}

/// Every case; what stands before the first blank line explains the table.
fn cases() -> Result<Vec<Case>> {
    let (_, table) = include_str!("golden.txt")
        .split_once("\n\n")
        .context("no table")?;
    let blocks = table.trim().split("\n\n");
    blocks
        .map(|block| case(block).with_context(|| block.to_owned()))
        .collect()
}

/// What the table explains.
fn configuration(network: &Network) -> Desired {
    let server = |last, port, method| server(network, last, port, method);
    let lost = |path| {
        vec![Server {
            path,
            ..server(14, 80, Dr)
        }]
    };
    let narrow = |last, method, mtu| {
        let mut server = server(last, 53, method);
        if let Path::Via(hop) = &mut server.path {
            hop.mtu = mtu;
        }
        vec![server]
    };
    let services = vec![
        service(20, 80, TCP, vec![server(11, 80, Dr)]),
        service(21, 80, TCP, vec![server(12, 80, Tun)]),
        service(21, 53, UDP, vec![server(12, 53, Tun)]),
        service(22, 80, TCP, vec![server(13, 8080, Nat)]),
        service(22, 53, UDP, vec![server(13, 5353, Nat)]),
        service(22, 3868, SCTP, vec![server(13, 3869, Nat)]),
        service(23, 80, TCP, vec![]),
        service(24, 80, TCP, lost(Path::Unknown)),
        service(25, 80, TCP, lost(Path::Local)),
        Service {
            gate: 2,
            ..service(26, 80, TCP, vec![server(11, 80, Dr)])
        },
        service(27, 53, UDP, narrow(12, Tun, 80)),
        service(28, 53, UDP, narrow(11, Dr, 60)),
    ];
    Desired { services }
}

#[test]
fn frames_made_by_hand_become_what_was_written_down() -> Result<()> {
    in_director(|network, rig| {
        rig.configure(&configuration(network))?;
        for case in cases()? {
            let becomes = case.becomes.unwrap_or_else(|| case.frame.clone());
            let expected = Outcome::of(case.verdict, becomes);
            // Servers are behind the other interface, which is what their MACs begin with.
            let from_server = case.frame.starts_with(&network.back.mac);
            let ingress = if from_server {
                network.back
            } else {
                network.front
            };
            let found = rig.send(&case.frame, ingress.index)?;
            ensure!(
                found == expected,
                "{}\nin       {}\nexpected {} {}\nfound    {} {}",
                case.name,
                hex(&case.frame),
                expected.verdict,
                hex(&expected.frame),
                found.verdict,
                hex(&found.frame),
            );
        }
        Ok(())
    })
}
