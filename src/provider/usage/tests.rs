use base64::{Engine as _, engine::general_purpose::STANDARD};

use super::*;

const MOST: Usage = Usage { input: 1_000, write: 0, write_hour: 0, read: 0, output: 500, searches: 0 };

/// What is read of `text`, which comes in pieces of every size.
fn end(kind: &str, text: &str) -> (Usage, bool) {
    let results: Vec<_> = [1, 2, 3, 7, 64, text.len().max(1)]
        .into_iter()
        .map(|size| {
            let mut reader = Reader::new(kind, None);
            text.as_bytes().chunks(size).for_each(|part| reader.feed(part));
            reader.end(&MOST)
        })
        .collect();
    assert!(results.iter().all(|result| *result == results[0]), "{text}: {results:?}");
    results[0]
}

const STREAM: &str = "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"usage\":{\"input_tokens\":9,\"cache_creation_input_tokens\":30,\"cache_creation\":{\"ephemeral_5m_input_tokens\":20,\"ephemeral_1h_input_tokens\":10},\"cache_read_input_tokens\":400,\"output_tokens\":1}}}\n\n\
event: content_block_delta\ndata: {\"delta\":{\"text\":\"{\\\"usage\\\":{\\\"output_tokens\\\":7}}\"}}\n\n: comment\n\n";
const LAST: &str = "event: message_delta\ndata: {\"type\":\"message_delta\",\"usage\":{\"output_tokens\":50,\"server_tool_use\":{\"web_search_requests\":2}}}\n\n";

#[test]
fn a_stream_of_the_messages_api_is_read() {
    let usage = Usage { input: 9, write: 20, write_hour: 10, read: 400, output: 50, searches: 2 };
    for text in [format!("{STREAM}{LAST}"), format!("{STREAM}{LAST}").replace('\n', "\r\n"), format!("{STREAM}{LAST}").replace('\n', "\r")]
    {
        assert_eq!(end("text/event-stream; charset=utf-8", &text), (usage, true));
    }
    assert_eq!(usage.tokens(), 489);
}

#[test]
fn a_stream_that_breaks_off_counts_all_the_output_that_it_might_have_had() {
    let usage = Usage { input: 9, write: 20, write_hour: 10, read: 400, output: 500, searches: 0 };
    assert_eq!(end("text/event-stream", STREAM), (usage, false));
    assert_eq!(end("text/event-stream", &LAST[..60]), (MOST, false));
}

/// An event as Bedrock frames it, with headers of `headers` bytes; nobody here looks at the checksums.
fn framed(event: &str, headers: usize) -> Vec<u8> {
    let payload = format!(r#"{{"bytes":"{}","p":"abc"}}"#, STANDARD.encode(event));
    let number = |number: usize| u32::try_from(number).unwrap().to_be_bytes();
    let prelude = [number(16 + headers + payload.len()), number(headers), [9; 4]].concat();
    [prelude, vec![7; headers], payload.into_bytes(), vec![9; 4]].concat()
}

#[test]
fn a_stream_of_bedrock_is_read() {
    let start = r#"{"type":"message_start","message":{"usage":{"input_tokens":9,"output_tokens":1}}}"#;
    let last = r#"{"type":"message_delta","usage":{"output_tokens":50}}"#;
    let long = format!(r#"{{"usage":{{"output_tokens":{}}}}}"#, " ".repeat(1 << 20));
    let stream = [framed(start, 40), framed("{}", 0), framed(&long, 3), framed(last, 1)].concat();
    let read = |bytes: &[u8], size| {
        let mut reader = Reader::new("application/vnd.amazon.eventstream", None);
        bytes.chunks(size).for_each(|part| reader.feed(part));
        reader.end(&MOST)
    };
    for size in [1, 5, 13, 1000, stream.len()] {
        assert_eq!(read(&stream, size), (Usage { input: 9, output: 50, ..Usage::default() }, true), "{size}");
    }
    let begun = Usage { input: 9, output: 500, ..Usage::default() };
    assert_eq!(read(&stream[..stream.len() - 1], 64), (begun, false));
    for odd in [[0; 20], [0xff; 20], [0, 0, 0, 16, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]] {
        assert_eq!(read(&[framed(start, 0), odd.to_vec(), framed(last, 0)].concat(), 7), (begun, false), "{odd:?}");
    }
}

#[test]
fn whole_answers_are_read() {
    let (usage, whole) =
        end("application/json", r#"{"content":[{"text":"x"}],"usage":{"input_tokens":3,"output_tokens":4,"service_tier":"x"}}"#);
    assert_eq!((usage.input, usage.output, whole), (3, 4, true));
}

#[test]
fn openai_counts_what_a_cache_had_as_input() {
    let expected = (Usage { input: 70, read: 30, output: 8, ..Usage::default() }, true);
    let responses = r#"{"usage":{"input_tokens":100,"input_tokens_details":{"cached_tokens":30},"output_tokens":8,"output_tokens_details":{"reasoning_tokens":4}}}"#;
    let chat = r#"{"usage":{"prompt_tokens":100,"prompt_tokens_details":{"cached_tokens":30},"completion_tokens":8}}"#;
    assert_eq!(end("application/json", responses), expected);
    assert_eq!(end("application/json", chat), expected);
    let stream =
        format!("data: {{\"response\":{{\"usage\":null}}}}\n\ndata: {{\"type\":\"response.completed\",\"response\":{responses}}}\n\n");
    assert_eq!(end("text/event-stream", &stream), expected);
    assert_eq!(end("text/event-stream", &format!("data: {{\"usage\":null}}\n\ndata:{chat}\n\ndata: [DONE]\n\n")), expected);
}

#[test]
fn what_cannot_be_read_counts_as_the_most() {
    for (kind, text) in [
        ("application/json", ""),
        ("application/json", r#"{"usage":null}"#),
        ("application/json", r#"{"usage":{"input_tokens":1,"input_tokens":2}}"#),
        ("application/json", r#"{"usage":{"input_tokens":"1"}}"#),
        ("application/json", r#"{"usage":{"input_tokens":-1}}"#),
        ("application/json", r#"{"usage":{}}"#),
        ("application/json", r#"{"usage":{"input_tokens":1}}"#),
        ("application/octet-stream", r#"{"usage":{"input_tokens":1,"output_tokens":1}}"#),
        ("", r#"{"usage":{"input_tokens":1,"output_tokens":1}}"#),
    ] {
        assert_eq!(end(kind, text), (MOST, false), "{text}");
    }
    // Without input, its size counts.
    let expected = (Usage { output: 7, ..MOST }, false);
    assert_eq!(end("application/json", r#"{"usage":{"output_tokens":7}}"#), expected);
    assert_eq!(end("text/event-stream", LAST).0.input, 1_000);
    let mut reader = Reader::new("application/json", Some("gzip"));
    reader.feed(br#"{"usage":{"input_tokens":1,"output_tokens":1}}"#);
    assert_eq!(reader.end(&MOST), (MOST, false));
}

#[test]
fn a_request_tells_what_it_may_cost() {
    let asked = Asked::new("/v1/messages", br#"{"model":"claude-haiku-4-5","max_tokens":100,"messages":[]}"#);
    assert_eq!((asked.most().input, asked.most().output), (15, 100));
    assert_eq!(asked.cost(&Usage { input: 1_000_000, write_hour: 1_000_000, searches: 100, ..Usage::default() }), 4_000_000);
    assert_eq!(asked.cost(&Usage { output: 1, ..Usage::default() }), 5);
    assert_eq!(asked.cost(&Usage { read: 1, ..Usage::default() }), 1, "rounded up");
    let asked = Asked::new("/models/claude-opus-4-8@x:rawPredict", b"{}");
    assert_eq!((asked.most().output, asked.cost(&Usage { input: 1_000, ..Usage::default() })), (MOST_OUTPUT, 5_000));
    assert_eq!(asked.cost(&Usage { input: u64::MAX, output: u64::MAX, ..Usage::default() }), u64::MAX.div_ceil(1000), "never around");
}
