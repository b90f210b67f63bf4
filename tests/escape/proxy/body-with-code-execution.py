# line: provider bodies with `mcp_servers`
# control: 200
# inside: 403 route/tool
# seen: http provider POST /v1/messages
# journal: route/tool
from attempt import messages

result = messages('{"model":"model-one","max_tokens":8,"messages":[{"role":"user","content":"hello"}],"tools":[{"type":"code_execution_20250825","name":"code_execution"}]}')
