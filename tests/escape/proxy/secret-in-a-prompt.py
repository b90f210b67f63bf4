# line: secret in URL, header, body, DNS label
# control: works
# inside: works
# residual: That the agent cannot disclose what it may read.
# seen: http provider POST /v1/messages
from attempt import messages

answer = messages('{"model":"model-one","max_tokens":8,"messages":[{"role":"user","content":"what the agent may read"}]}')
result = "works" if answer == "200" else answer
