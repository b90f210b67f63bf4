//! What may be said to OpenAI's API and to others that speak it, as data. What is not listed is refused by name.
//!
//! Sources: the API reference (developers.openai.com/api/reference/resources/responses and …/chat) for what exists; a run of Codex
//! 0.171.0 for what it sends. Left out on purpose is everything that makes the provider contact another host, run code, store data or
//! use what it stored, take another model, or bill at another rate.

/// Header fields that go on. Not here: `openai-organization`, `openai-project` (another account), `openai-beta`.
pub(super) const HEADERS: &[&str] =
    &["accept", "content-type", "originator", "session-id", "thread-id", "user-agent", "x-client-request-id"];

/// Keys of the body of `/v1/responses`. Not here: `background`, `context_management`, `conversation`, `previous_response_id`, `prompt`,
/// `prompt_cache_retention` (data that is kept), `service_tier` (another rate).
pub(super) const RESPONSES: &[&str] = &[
    "client_metadata",
    "include",
    "input",
    "instructions",
    "max_output_tokens",
    "max_tool_calls",
    "metadata",
    "model",
    "parallel_tool_calls",
    "prompt_cache_key",
    "reasoning",
    "safety_identifier",
    "store",
    "stream",
    "stream_options",
    "temperature",
    "text",
    "tool_choice",
    "tools",
    "top_logprobs",
    "top_p",
    "truncation",
    "user",
];

/// Keys of the body of `/v1/chat/completions`. Not here: `audio`, `functions` (in another form since long), `modalities`, `n` (more
/// answers than one), `prediction`, `service_tier`, `web_search_options`.
pub(super) const CHAT: &[&str] = &[
    "frequency_penalty",
    "logit_bias",
    "logprobs",
    "max_completion_tokens",
    "max_tokens",
    "messages",
    "metadata",
    "model",
    "parallel_tool_calls",
    "presence_penalty",
    "prompt_cache_key",
    "reasoning_effort",
    "response_format",
    "safety_identifier",
    "seed",
    "stop",
    "store",
    "stream",
    "stream_options",
    "temperature",
    "tool_choice",
    "tools",
    "top_logprobs",
    "top_p",
    "user",
    "verbosity",
];

/// What `include` may ask for: nothing of the provider's own tools.
pub(super) const INCLUDE: &[&str] = &["message.output_text.logprobs", "reasoning.encrypted_content"];

/// Items of `input` and their keys. An item without `type` is a message. Not here: calls of the provider's own tools, and
/// `item_reference` (what was stored).
pub(super) const ITEMS: &[(&str, &[&str])] = &[
    ("message", &["content", "id", "phase", "role", "status", "type"]),
    ("function_call", &["arguments", "call_id", "id", "name", "namespace", "status", "type"]),
    ("function_call_output", &["call_id", "id", "output", "status", "type"]),
    ("custom_tool_call", &["call_id", "id", "input", "name", "namespace", "status", "type"]),
    ("custom_tool_call_output", &["call_id", "id", "output", "status", "type"]),
    ("reasoning", &["content", "encrypted_content", "id", "status", "summary", "type"]),
];

/// Who can speak.
pub(super) const ROLES: &[&str] = &["assistant", "developer", "system", "tool", "user"];

/// Parts of content and their keys, of both calls. Not here: `file_id`, `file_url` (what was stored, what would be fetched).
pub(super) const PARTS: &[(&str, &[&str])] = &[
    ("input_text", &["text", "type"]),
    ("output_text", &["annotations", "logprobs", "text", "type"]),
    ("refusal", &["refusal", "type"]),
    ("input_image", &["detail", "image_url", "type"]),
    ("input_file", &["file_data", "filename", "type"]),
    ("reasoning_text", &["text", "type"]),
    ("summary_text", &["text", "type"]),
    ("text", &["text", "type"]),
    ("image_url", &["image_url", "type"]),
];

/// Keys of a message of `/v1/chat/completions`.
pub(super) const MESSAGE: &[&str] = &["content", "name", "refusal", "role", "tool_call_id", "tool_calls"];

/// Tools that the client runs, and the keys of each.
pub(super) const TOOLS: &[(&str, &[&str])] = &[
    ("function", &["description", "name", "parameters", "strict", "type"]),
    ("custom", &["description", "format", "name", "type"]),
    ("namespace", &["description", "name", "tools", "type"]),
];

/// Small objects and their keys.
pub(super) const REASONING: &[&str] = &["effort", "summary"];
pub(super) const STREAM_OPTIONS: &[&str] = &["include_obfuscation", "include_usage"];
pub(super) const TEXT: &[&str] = &["format", "verbosity"];
pub(super) const FORMAT: &[&str] = &["description", "json_schema", "name", "schema", "strict", "type"];
pub(super) const TOOL_CHOICE: &[&str] = &["custom", "function", "name", "type"];
