//! The part of VRRP in what keepalived dumps.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Result;
use lb_tests::Namespace;

use super::run;

/// What keepalived dumps of `global_defs` and VRRP.
#[derive(Debug, Default)]
pub(crate) struct Dump {
    /// Lines `KEY = VALUE`.
    pub(crate) global: BTreeMap<String, String>,
    /// `VRRP Instance = NAME`, in its order.
    pub(crate) instances: Vec<Block>,
}

/// One instance.
#[derive(Debug, Default)]
pub(crate) struct Block {
    pub(crate) name: String,
    /// Lines `KEY = VALUE`.
    pub(crate) values: BTreeMap<String, String>,
    /// Headed lists, by the head without its number.
    pub(crate) lists: BTreeMap<String, Vec<String>>,
}

/// Behind the instances.
const END: &str = "------< Interfaces >------";

/// What keepalived dumps of a file; `None` when it does not run it.
pub(crate) fn of(machine: &Namespace, file: &Path, scratch: &Path) -> Result<Option<Dump>> {
    let text = run::lines(machine, "--vrrp", file, scratch, |line| line == END)?;
    Ok(text.map(|text| parse(&text)))
}

/// Indentation tells what belongs to what: one blank for an instance, three for its lines, five
/// for the members of a list.
fn parse(text: &[String]) -> Dump {
    let mut dump = Dump::default();
    let mut list = String::new();
    for line in text {
        let indent = line.len() - line.trim_start().len();
        let line = line.trim();
        let pair = line.split_once(" = ");
        match (indent, pair) {
            (1, Some(("VRRP Instance", name))) => dump.instances.push(Block {
                name: name.to_owned(),
                ..Block::default()
            }),
            (1, Some((key, value))) if dump.instances.is_empty() => {
                dump.global.insert(key.to_owned(), value.to_owned());
            }
            (3, pair) => {
                let Some(block) = dump.instances.last_mut() else {
                    continue;
                };
                if let Some((key, value)) = pair {
                    block.values.insert(key.to_owned(), value.to_owned());
                } else {
                    let head = line.split(['(', ':']).next().unwrap_or_default();
                    head.trim().clone_into(&mut list);
                }
            }
            (5, _) => {
                if let Some(block) = dump.instances.last_mut() {
                    block
                        .lists
                        .entry(list.clone())
                        .or_default()
                        .push(line.to_owned());
                }
            }
            _ => {}
        }
    }
    dump
}
