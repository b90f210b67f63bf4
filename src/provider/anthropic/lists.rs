//! What may be said to the Claude API, as data. What is not listed is refused by name.
//!
//! Sources: the Messages API reference (platform.claude.com/docs/en/api/beta/messages/create) and its tool reference
//! (platform.claude.com/docs/en/agents-and-tools/tool-use/tool-reference) for what exists and where it runs; a run of
//! Claude Code 2.1.197 for what it sends. Left out on purpose is everything that makes the provider contact another
//! host, run code, store data, take another model, or bill at another rate.

/// Header fields that go on. `anthropic-beta` goes on too, token by token.
pub(super) const HEADERS: &[&str] = &[
    "accept",
    "accept-encoding",
    "anthropic-dangerous-direct-browser-access",
    "anthropic-version",
    "content-type",
    "user-agent",
    "x-app",
    "x-claude-code-session-id",
];

/// Tokens of `anthropic-beta`. None of them brings a server tool, a file, a container or an MCP server.
pub(super) const BETAS: &[&str] = &[
    // Sent by Claude Code.
    "claude-code-20250219",
    "context-1m-2025-08-07",
    "context-management-2025-06-27",
    "effort-2025-11-24",
    "interleaved-thinking-2025-05-14",
    "mid-conversation-system-2026-04-07",
    "prompt-caching-scope-2026-01-05",
    "thinking-token-count-2026-05-13",
    // Known to it; they only shape how tokens are counted, cached or streamed.
    "extended-cache-ttl-2025-04-11",
    "fine-grained-tool-streaming-2025-05-14",
    "output-128k-2025-02-19",
    "redact-thinking-2026-02-12",
    "structured-outputs-2025-11-13",
    "structured-outputs-2025-12-15",
    "task-budgets-2026-03-13",
    "thinking-display-updates-2026-08-18",
    "token-counting-2024-11-01",
    "token-efficient-tools-2025-02-19",
    // Tools that are searched by the agent itself; what the provider would search with is a tool type, and not listed.
    "tool-search-tool-2025-10-19",
];

/// Keys of the body. Not here: `container`, `mcp_servers`, `fallbacks` (another model), `speed` and `service_tier`
/// (another rate), `inference_geo`, `thread`, `user_profile_id`, `workspace_id`.
pub(super) const BODY: &[&str] = &[
    "cache_control",
    "context_management",
    "max_tokens",
    "messages",
    "metadata",
    "model",
    "output_config",
    "stop_sequences",
    "stream",
    "system",
    "temperature",
    "thinking",
    "tool_choice",
    "tools",
    "top_k",
    "top_p",
];

/// Keys of a message.
pub(super) const MESSAGE: &[&str] = &["content", "role"];

/// Who can speak in a message; `system` since the beta `mid-conversation-system`.
pub(super) const ROLES: &[&str] = &["assistant", "system", "user"];

/// Content blocks and the keys that each may have.
pub(super) const BLOCKS: &[(&str, &[&str])] = &[
    ("text", &["cache_control", "citations", "text", "type"]),
    ("image", &["cache_control", "source", "type"]),
    ("document", &["cache_control", "citations", "context", "source", "title", "type"]),
    ("tool_use", &["cache_control", "caller", "id", "input", "name", "type"]),
    ("tool_result", &["cache_control", "content", "is_error", "tool_use_id", "type"]),
    // Names a tool of the same request (Claude Code's ToolSearch).
    ("tool_reference", &["cache_control", "tool_name", "type"]),
    ("thinking", &["signature", "thinking", "type"]),
    ("redacted_thinking", &["data", "type"]),
];

/// Kinds of block that stand in the content of another block (a tool's result, a document's text).
pub(super) const INNER_BLOCKS: &[&str] = &["document", "image", "text", "tool_reference"];

/// Sources of images and documents that carry their bytes with them, and their keys. Not here: `url`, `file`.
pub(super) const SOURCES: &[(&str, &[&str])] =
    &[("base64", &["data", "media_type", "type"]), ("text", &["data", "media_type", "type"]), ("content", &["content", "type"])];

/// Citations of text that was in the request itself. Not here: those of the web search tool.
pub(super) const CITATIONS: &[&str] = &["char_location", "content_block_location", "page_location"];

/// Tools that the agent runs itself, by the provider's own name for them. A tool without `type` is the agent's too.
pub(super) const CLIENT_TOOLS: &[&str] = &[
    "custom",
    "bash_20241022",
    "bash_20250124",
    "memory_20250818",
    "text_editor_20241022",
    "text_editor_20250124",
    "text_editor_20250429",
    "text_editor_20250728",
];

/// Keys of a tool. Not here: `allowed_callers` (the code execution tool calls it).
pub(super) const TOOL: &[&str] = &[
    "cache_control",
    "defer_loading",
    "description",
    "eager_input_streaming",
    "input_examples",
    "input_schema",
    "max_characters",
    "name",
    "strict",
    "type",
];

/// Small objects of the body and their keys.
pub(super) const CACHE_CONTROL: &[&str] = &["ttl", "type"];
pub(super) const METADATA: &[&str] = &["user_id"];
pub(super) const OUTPUT_CONFIG: &[&str] = &["effort", "format", "task_budget"];
pub(super) const OUTPUT_FORMAT: &[&str] = &["schema", "type"];
pub(super) const THINKING: &[&str] = &["budget_tokens", "display", "type"];
pub(super) const TOOL_CHOICE: &[&str] = &["disable_parallel_tool_use", "name", "type"];
pub(super) const CONTEXT_MANAGEMENT: &[&str] = &["edits"];

/// Kinds of context edits: both only drop what the request itself carries.
pub(super) const EDITS: &[&str] = &["clear_thinking_20251015", "clear_tool_uses_20250919"];
