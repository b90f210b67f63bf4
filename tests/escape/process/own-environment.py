# line: read /proc/1/{environ,mem,maps
# control: secrets
# inside: no secret
import os

# Everything that the job had; the provider's token is the ticket, which is worth nothing elsewhere.
secrets = ("made-up-provider-key", "made-up-job-token", "made-up-access-token", "made-up-clone-token")
found = [name for name, value in os.environ.items() if any(secret in value for secret in secrets)]
with open("/proc/self/environ") as own:
    text = own.read()
result = "secrets" if found or any(secret in text for secret in secrets) else "no secret"
