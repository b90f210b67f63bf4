# line: path rules:
# control: 200
# inside: 403 route/method
# seen: http provider post /v1/messages
# journal: route/method
from attempt import messages

result = messages('{"model":"model-one","max_tokens":8,"messages":[{"role":"user","content":"hello"}]}', method="post")
