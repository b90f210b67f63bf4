# line: path rules:
# control: 200
# inside: 403 route/path
# seen: http provider POST /v1/messages%00
# journal: route/path
from attempt import messages

result = messages('{"model":"model-one","max_tokens":8,"messages":[{"role":"user","content":"hello"}]}', path="/v1/messages%00")
