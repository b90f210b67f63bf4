# line: provider bodies with `mcp_servers`
# control: 200
# inside: 403 route/source
# seen: http provider POST /v1/messages
# journal: route/source
from attempt import messages

result = messages('{"model":"model-one","max_tokens":8,"messages":[{"role":"user","content":[{"type":"document","source":{"type":"url","url":"https://evil.example/"}}]}]}')
