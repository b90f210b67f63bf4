# line: path rules:
# control: 200
# inside: 200
# seen: overridden provider
from attempt import messages

# The field ends at the gateway, the method stays what it was.
result = messages('{"model":"model-one","max_tokens":8,"messages":[{"role":"user","content":"hello"}]}', fields="X-HTTP-Method-Override: DELETE\r\n")
