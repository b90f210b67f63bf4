# line: proxy reached with no/foreign session token
# control: 200
# inside: 401 gateway/ticket
# seen: http provider POST /v1/messages
# journal: gateway/ticket
import os

from attempt import messages

os.environ["ANTHROPIC_AUTH_TOKEN"] = "made-up-key-of-the-agents-own"
result = messages('{"model":"model-one","max_tokens":8,"messages":[{"role":"user","content":"hello"}]}')
