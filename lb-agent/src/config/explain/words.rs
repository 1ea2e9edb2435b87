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

/// A value as its keyword has it, where that is not the model's own word.
pub(super) fn spelled(field: &str, value: &Value) -> Option<String> {
    let text = || value.as_str();
    match field {
        "lb_kind" | "lvs_method" | "sorry_server_lvs_method" | "state" => {
            text().map(str::to_uppercase)
        }
        "lb_algo" | "xdp_attach" | "xdp_mode" | "xdp_smtp_tls" => text().map(str::to_lowercase),
        "xdp_flow_table_size" => {
            let flows = |family| value.get(family).and_then(Value::as_u64);
            Some(format!("{} {}", flows("ipv4")?, flows("ipv6")?))
        }
        "umask" => value.as_u64().map(|mask| format!("0{mask:o}")),
        _ => None,
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
