//! `~SEQ(NAME, [FIRST, [STEP,]] LAST)`, `~SEQx(…)`, `~LST(NAME, VALUE, …)`.

use std::fmt::Write as _;

/// What a line is repeated for.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Sequence {
    /// `~SEQ`, `~SEQx`
    Numbers {
        name: String,
        first: i64,
        step: i64,
        last: i64,
        hexadecimal: bool,
    },
    /// `~LST`: names, and a value for each in every round.
    List {
        names: Vec<String>,
        rounds: Vec<Vec<String>>,
    },
}

impl Sequence {
    /// Reads the head of a line, up to its `)`; `None` when it is none.
    pub(super) fn parse(head: &str) -> Result<Option<Self>, String> {
        let (kind, rest) = if let Some(rest) = head.strip_prefix("~SEQx(") {
            ("~SEQx", rest)
        } else if let Some(rest) = head.strip_prefix("~SEQ(") {
            ("~SEQ", rest)
        } else if let Some(rest) = head.strip_prefix("~LST(") {
            ("~LST", rest)
        } else {
            return Ok(None);
        };
        let Some(inside) = rest.strip_suffix(')') else {
            return Err(format!("`{kind}` has no `)`"));
        };
        if kind == "~LST" {
            list(inside).map(Some)
        } else {
            numbers(inside, kind == "~SEQx").map(Some)
        }
    }

    /// The names and values of each round.
    pub(super) fn rounds(&self) -> Box<dyn Iterator<Item = Vec<(String, String)>> + '_> {
        match self {
            Self::Numbers {
                name,
                first,
                step,
                last,
                hexadecimal,
            } => {
                let (step, last) = (*step, *last);
                let next = move |number: &i64| number.checked_add(step);
                let goes_on = move |number: &i64| {
                    if step > 0 {
                        *number <= last
                    } else {
                        *number >= last
                    }
                };
                let numbers = std::iter::successors(Some(*first), next).take_while(goes_on);
                Box::new(numbers.map(|number| vec![(name.clone(), shown(number, *hexadecimal))]))
            }
            Self::List { names, rounds } => Box::new(
                rounds
                    .iter()
                    .map(|values| names.iter().cloned().zip(values.iter().cloned()).collect()),
            ),
        }
    }
}

fn shown(number: i64, hexadecimal: bool) -> String {
    let mut text = String::new();
    if hexadecimal {
        let sign = if number < 0 { "-" } else { "" };
        // Writing to a String cannot fail.
        write!(text, "{sign}{:x}", number.unsigned_abs()).unwrap_or_default();
    } else {
        write!(text, "{number}").unwrap_or_default();
    }
    text
}

fn numbers(inside: &str, hexadecimal: bool) -> Result<Sequence, String> {
    let parts: Vec<&str> = inside.split(',').map(str::trim).collect();
    let number = |text: &str| {
        let number = number(text);
        number.ok_or_else(|| format!("`{text}` in this sequence is not a number"))
    };
    let (name, first, step, last) = match parts.as_slice() {
        [name, last] => {
            let last = number(last)?;
            let step = if last > 0 { 1 } else { -1 };
            (name, step, step, last)
        }
        [name, first, last] => {
            let (first, last) = (number(first)?, number(last)?);
            (name, first, if first <= last { 1 } else { -1 }, last)
        }
        [name, first, step, last] => (name, number(first)?, number(step)?, number(last)?),
        _ => return Err("a sequence has a name and one to three numbers".to_owned()),
    };
    if step == 0 {
        return Err("the step of this sequence is 0".to_owned());
    }
    Ok(Sequence::Numbers {
        name: named(name)?,
        first,
        step,
        last,
        hexadecimal,
    })
}

/// A number as strtol(3) reads it: `0x` begins a hexadecimal one, `0` an octal one. `~SEQx` is no
/// exception: it only writes its numbers in hexadecimal.
fn number(text: &str) -> Option<i64> {
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => (-1, digits),
        None => (1, text.strip_prefix('+').unwrap_or(text)),
    };
    let (radix, digits) = match digits.as_bytes() {
        [b'0', b'x' | b'X', ..] => (16, digits.get(2..)?),
        [b'0', _, ..] => (8, digits),
        _ => (10, digits),
    };
    let plain = digits.chars().all(|digit| digit.is_ascii_hexdigit());
    let number = i64::from_str_radix(digits, radix).ok().filter(|_| plain)?;
    Some(sign * number)
}

fn list(inside: &str) -> Result<Sequence, String> {
    let mut parts = groups(inside).into_iter();
    let names = parts.next().unwrap_or_default();
    let names = names.into_iter().map(|name| named(&name));
    let names = names.collect::<Result<Vec<_>, _>>()?;
    let rounds: Vec<Vec<String>> = parts.collect();
    if let Some(odd) = rounds.iter().find(|values| values.len() != names.len()) {
        return Err(format!(
            "this list has {} names, but `{}` {}",
            names.len(),
            odd.join(", "),
            odd.len()
        ));
    }
    if rounds.is_empty() {
        return Err("this list has no values".to_owned());
    }
    Ok(Sequence::List { names, rounds })
}

/// Parts between commas; `{a,b}` is one with several members.
fn groups(inside: &str) -> Vec<Vec<String>> {
    let mut groups = Vec::new();
    let mut rest = inside.trim();
    while !rest.is_empty() {
        let members = rest.strip_prefix('{').and_then(|open| open.split_once('}'));
        let (group, behind) = if let Some((members, behind)) = members {
            let members = members.split(',').map(|member| member.trim().to_owned());
            let behind = behind.split_once(',').map_or("", |(_, behind)| behind);
            (members.collect(), behind)
        } else {
            let (member, behind) = rest.split_once(',').unwrap_or((rest, ""));
            (vec![member.trim().to_owned()], behind)
        };
        groups.push(group);
        rest = behind.trim();
    }
    groups
}

fn named(name: &str) -> Result<String, String> {
    let name = name.trim().trim_start_matches('$');
    let valid = !name.is_empty()
        && name
            .chars()
            .all(|letter| letter.is_ascii_alphanumeric() || letter == '_');
    if valid {
        Ok(name.to_owned())
    } else {
        Err(format!("`{name}` is no name for a variable"))
    }
}
