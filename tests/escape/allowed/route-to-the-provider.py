# line: what plain work needs
# control: 200
# seen: http provider POST /v1/messages
from attempt import messages

result = messages('{"model":"model-one","max_tokens":8,"messages":[{"role":"user","content":"hello"}]}')
