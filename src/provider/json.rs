//! JSON read so that it has one meaning only.
//!
//! RFC 8259 section 4 leaves open what a repeated name means; readers differ, so a check could look at one value and
//! the provider act on the other. Here a repeated name is an error at every depth.

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{Error as _, MapAccess, SeqAccess, Visitor},
};
use serde_json::{Map, Number, Value};

/// The name under which `serde_json` hands over a number whose digits it keeps (feature `arbitrary_precision`).
const NUMBER: &str = "$serde_json::private::Number";

/// Values and keys of one text at most. A conversation of a million tokens has a tenth of that; each costs a hundred bytes here,
/// beside one or two in the text, and nobody's memory is that of whoever sends it.
const MOST: usize = 1 << 20;

/// Reads `bytes` as one JSON text. Key order and the digits of numbers are kept; nesting ends at 128 levels, which is
/// `serde_json`'s own bound.
///
/// # Errors
/// When it is not JSON, nests too deep, has a name twice in one object, or more than a million values.
pub fn parse(bytes: &[u8]) -> Result<Value, serde_json::Error> {
    if separators(bytes) > MOST {
        return Err(serde::de::Error::custom(format_args!("it has more than {MOST} values")));
    }
    serde_json::from_slice::<Strict>(bytes).map(|strict| strict.0)
}

/// What divides values outside of strings: there are no more of them than that, and one.
fn separators(bytes: &[u8]) -> usize {
    let (mut count, mut inside, mut escaped) = (0, false, false);
    for byte in bytes {
        match (inside, byte) {
            (true, _) if escaped => escaped = false,
            (true, b'\\') => escaped = true,
            (_, b'"') => inside = !inside,
            (false, b',' | b':' | b'[' | b'{') => count += 1,
            _ => {}
        }
    }
    count
}

struct Strict(Value);

impl<'de> Deserialize<'de> for Strict {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(Reader).map(Self)
    }
}

struct Reader;

impl<'de> Visitor<'de> for Reader {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(Strict(value)) = seq.next_element()? {
            list.push(value);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut map = Map::new();
        while let Some(key) = entries.next_key::<String>()? {
            if key == NUMBER {
                return number(map.is_empty(), entries);
            }
            if map.contains_key(&key) {
                return Err(A::Error::custom(format_args!("the key `{}` is there twice in one object", super::shown(&key))));
            }
            let Strict(value) = entries.next_value()?;
            map.insert(key, value);
        }
        Ok(Value::Object(map))
    }
}

/// An object that is written with the private name looks the same as a number; it becomes one, or is refused. Nothing
/// can hide behind it, since what is sent on is the value that comes out here.
fn number<'de, A: MapAccess<'de>>(alone: bool, mut entries: A) -> Result<Value, A::Error> {
    let digits: String = entries.next_value()?;
    let number: Number = digits.parse().map_err(A::Error::custom)?;
    match entries.next_key::<String>()? {
        None if alone => Ok(Value::Number(number)),
        _ => Err(A::Error::custom("an object uses a reserved key")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_goes_in_comes_out_in_the_same_order_with_the_same_digits() {
        let text = r#"{"z":1,"a":[true,null,"é\n",{"k":1.50,"b":123456789012345678901234567890}],"m":-0.0e1}"#;
        assert_eq!(serde_json::to_string(&parse(text.as_bytes()).unwrap()).unwrap(), text.replace("0e1", "0e+1"));
    }

    #[test]
    fn a_key_twice_is_refused_at_every_depth() {
        for text in [
            r#"{"a":1,"a":1}"#,
            r#"{"x":[{"a":1,"b":2,"a":3}]}"#,
            r#"{"a":1,"\u0061":2}"#,
            r#"{"$serde_json::private::Number":"1","model":"x"}"#,
            r#"{"model":"x","$serde_json::private::Number":"1"}"#,
        ] {
            assert!(parse(text.as_bytes()).is_err(), "{text}");
        }
        assert!(parse(br#"{"a":{"a":1},"b":{"a":1}}"#).is_ok());
    }

    #[test]
    fn a_bomb_of_brackets_is_an_error() {
        assert!(parse("[".repeat(1_000_000).as_bytes()).is_err());
        assert!(parse(format!("{}{}", "[".repeat(100), "]".repeat(100)).as_bytes()).is_ok());
    }

    #[test]
    fn a_text_that_is_all_values_is_an_error() {
        let list = |count: usize| format!("[{}0]", "0,".repeat(count));
        assert!(parse(list(MOST - 1).as_bytes()).is_ok());
        assert!(parse(list(MOST).as_bytes()).unwrap_err().to_string().contains("more than 1048576 values"));
        let text = serde_json::to_string(&r#"a,"b\",[{:"#.repeat(MOST)).unwrap();
        assert!(parse(text.as_bytes()).is_ok(), "what stands in a string is one value");
    }

    #[test]
    fn text_after_the_value_is_an_error() {
        assert!(parse(b"{} {}").is_err() && parse(b"").is_err() && parse(b"\xff").is_err());
    }
}
