//! Values of the model as words of the file.

use serde_json::Value;

/// A value that is one word: `None` for what is not there, for lists and for blocks.
pub(super) fn word(value: &Value) -> Option<String> {
    match value {
        Value::Null | Value::Array(_) => None,
        Value::Bool(true) => Some("on".to_owned()),
        Value::Bool(false) => Some("off".to_owned()),
        Value::Number(number) => Some(number.to_string()),
        Value::String(text) if text.contains(char::is_whitespace) => Some(format!("{text:?}")),
        Value::String(text) => Some(text.clone()),
        Value::Object(fields) => {
            let seconds = fields.get("secs").and_then(Value::as_u64)?;
            let nanos = fields.get("nanos").and_then(Value::as_u64)?;
            let fraction = format!("{nanos:09}");
            let fraction = fraction.trim_end_matches('0');
            let point = if fraction.is_empty() { "" } else { "." };
            Some(format!("{seconds}{point}{fraction}"))
        }
    }
}

/// A nested value on one line: names and values, without what is not there or off.
pub(super) fn flat(value: &Value) -> String {
    match value {
        Value::Object(fields) => {
            let parts = fields.iter().filter(|(_, value)| {
                !matches!(value, Value::Null | Value::Bool(false)) && !flat(value).is_empty()
            });
            let parts = parts.map(|(name, value)| {
                word(value).map_or_else(|| flat(value), |word| format!("{name} {word}"))
            });
            parts.collect::<Vec<_>>().join(" ")
        }
        Value::Array(items) => items.iter().map(flat).collect::<Vec<_>>().join(" "),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
            word(value).unwrap_or_default()
        }
    }
}
