# line: path rules:
# control: 200
# inside: 403 route/query
# seen: http provider POST /v1/messages?x=1&beta=true
# journal: route/query
from attempt import messages

result = messages('{"model":"model-one","max_tokens":8,"messages":[{"role":"user","content":"hello"}]}', path="/v1/messages?x=1&beta=true")
