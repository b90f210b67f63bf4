//! What stands in braces in a case's texts: `{each}`, the job's made-up secret and its encodings. `{+}` is nothing at all: it
//! divides what would be taken for a real credential in the file of cases.

use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};

use crate::support::repo::SECRET;

/// The act with every text expanded, but for `{n}`, `{marker}` and `{head}`, which differ from run to run.
pub fn act(act: &toml::Table, each: Option<&String>) -> toml::Table {
    let value = |value: &toml::Value| match value {
        toml::Value::String(text) => toml::Value::String(expand(&each.map_or(text.clone(), |each| text.replace("{each}", each)))),
        other => other.clone(),
    };
    act.iter().map(|(key, old)| (key.clone(), value(old))).collect()
}

fn expand(text: &str) -> String {
    let mut text = text.replace("{+}", "");
    // From the innermost outwards.
    while let Some(start) = ["{secret", "{text:"].iter().filter_map(|head| text.rfind(head)).max() {
        let end = start + text[start..].find('}').unwrap();
        let mut steps = text[start + 1..end].split('|');
        let first = steps.next().unwrap();
        let value = first.strip_prefix("text:").unwrap_or(SECRET).to_owned();
        text.replace_range(start..=end, &steps.fold(value, |value, step| encode(&value, step)));
    }
    text
}

fn encode(value: &str, step: &str) -> String {
    let half = value.len() / 2;
    match step {
        "base64" => STANDARD.encode(value),
        "url64" => URL_SAFE_NO_PAD.encode(value),
        "hex" => value.bytes().map(|byte| format!("{byte:02x}")).collect(),
        "HEX" => value.bytes().map(|byte| format!("{byte:02X}")).collect(),
        "percent" => value.bytes().map(|byte| format!("%{byte:02X}")).collect(),
        "escape" => value.bytes().map(|byte| format!("\\x{byte:02x}")).collect(),
        "reverse" => value.chars().rev().collect(),
        "head" => value[..half].to_owned(),
        "tail" => value[half..].to_owned(),
        "fold" => value.as_bytes().chunks(9).map(|part| String::from_utf8_lossy(part).into_owned()).collect::<Vec<_>>().join("\n"),
        other => panic!("{other} is no encoding"),
    }
}

/// The bytes of `text` in an encoding of the cases.
pub fn encoded(text: &str, encoding: &str) -> Vec<u8> {
    let unit: fn(u16) -> [u8; 2] = if encoding == "utf16be" { u16::to_be_bytes } else { u16::to_le_bytes };
    let mark = if encoding == "utf16bare" { "" } else { "\u{feff}" };
    [mark, text].concat().encode_utf16().flat_map(unit).collect()
}

/// The bytes of a name in which `\xNN` stands for one byte.
pub fn raw(text: &str) -> Vec<u8> {
    let mut parts = text.split("\\x");
    let mut bytes = parts.next().unwrap_or_default().as_bytes().to_vec();
    for part in parts {
        bytes.push(u8::from_str_radix(&part[..2], 16).unwrap());
        bytes.extend(&part.as_bytes()[2..]);
    }
    bytes
}
