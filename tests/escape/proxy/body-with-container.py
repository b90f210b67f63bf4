# line: provider bodies with `mcp_servers`
# control: 200
# inside: 403 route/key
# seen: http provider POST /v1/messages
# journal: route/key
from attempt import messages

result = messages('{"model":"model-one","max_tokens":8,"messages":[{"role":"user","content":"hello"}],"container":"made-up"}')
