# line: provider bodies with `mcp_servers`
# control: 200
# inside: 403 route/json
# seen: http provider POST /v1/messages
# journal: route/json
from attempt import messages

result = messages('{"model":"model-one","model":"model-two","max_tokens":8,"messages":[{"role":"user","content":"hello"}]}')
