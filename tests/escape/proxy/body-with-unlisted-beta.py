# line: provider bodies with `mcp_servers`
# control: 200
# inside: 403 route/beta
# seen: http provider POST /v1/messages
# journal: route/beta
from attempt import messages

result = messages('{"model":"model-one","max_tokens":8,"messages":[{"role":"user","content":"hello"}]}', fields="anthropic-beta: mcp-client-2025-04-04\r\n")
