//! What a route may say besides where the policy grants it `reaches-the-internet`, as data: what the provider itself fetches,
//! searches or runs for the agent.
//!
//! Sources: the web search, web fetch, code execution and MCP connector tools' pages below
//! platform.claude.com/docs/en/agents-and-tools, and the Messages API reference. Left out even here: files and containers of the
//! account's own, which outlive the job, and tools of the agent's that the provider's code calls.

/// Tokens of `anthropic-beta`.
pub(super) const BETAS: &[&str] = &[
    "code-execution-2025-05-22",
    "code-execution-2025-08-25",
    "mcp-client-2025-04-04",
    "mcp-client-2025-11-20",
    "web-fetch-2025-09-10",
    "web-search-2025-03-05",
];

/// Keys of the body.
pub(super) const BODY: &[&str] = &["mcp_servers"];

const SEARCH: &[&str] = &[
    "allowed_callers",
    "allowed_domains",
    "blocked_domains",
    "cache_control",
    "max_uses",
    "name",
    "response_inclusion",
    "type",
    "user_location",
];
const FETCH: &[&str] = &[
    "allowed_callers",
    "allowed_domains",
    "blocked_domains",
    "cache_control",
    "citations",
    "max_content_tokens",
    "max_uses",
    "name",
    "type",
];
const CODE: &[&str] = &["allowed_callers", "cache_control", "name", "type"];

/// Tools that the provider runs, by their exact types, and the keys of each.
pub(super) const TOOLS: &[(&str, &[&str])] = &[
    ("web_search_20250305", SEARCH),
    ("web_search_20260209", SEARCH),
    ("web_search_20260318", SEARCH),
    ("web_fetch_20250910", FETCH),
    ("web_fetch_20260209", FETCH),
    ("code_execution_20250522", CODE),
    ("code_execution_20250825", CODE),
    ("code_execution_20260120", CODE),
    ("mcp_toolset", &["cache_control", "configs", "default_config", "mcp_server_name", "type"]),
];

/// Who may call them: the model, and the provider's own code.
pub(super) const CALLERS: &[&str] = &["code_execution_20250825", "code_execution_20260120", "direct"];

/// Keys of a server in `mcp_servers`. Its `url` is `https`.
pub(super) const MCP_SERVER: &[&str] = &["authorization_token", "name", "tool_configuration", "type", "url"];

const RESULT: &[&str] = &["cache_control", "caller", "content", "tool_use_id", "type"];

/// Content blocks that those tools leave in a conversation, and their keys.
pub(super) const BLOCKS: &[(&str, &[&str])] = &[
    ("server_tool_use", &["cache_control", "caller", "id", "input", "name", "type"]),
    ("web_search_tool_result", RESULT),
    ("web_fetch_tool_result", RESULT),
    ("code_execution_tool_result", RESULT),
    ("bash_code_execution_tool_result", RESULT),
    ("text_editor_code_execution_tool_result", RESULT),
    ("mcp_tool_use", &["cache_control", "id", "input", "name", "server_name", "type"]),
    ("mcp_tool_result", &["cache_control", "content", "is_error", "tool_use_id", "type"]),
];

/// Sources of images and documents that the provider fetches, and their keys.
pub(super) const SOURCES: &[(&str, &[&str])] = &[("url", &["type", "url"])];

/// Citations of what those tools found.
pub(super) const CITATIONS: &[&str] = &["web_search_result_location"];
