# line: read /proc/1/{environ,mem,maps
# control: secrets
# inside: no secret
import os

# Whatever can be read of any process: the job's secrets must be in none of it.
secrets = (b"made-up-provider-key", b"made-up-job-token", b"made-up-access-token", b"made-up-secret-of-the-job")
result = "no secret"
for pid in filter(str.isdigit, os.listdir("/proc")):
    for name in ("environ", "cmdline", "stat", "status", "comm", "maps"):
        try:
            with open("/proc/%s/%s" % (pid, name), "rb") as file:
                if any(secret in file.read() for secret in secrets):
                    result = "secrets"
        except OSError:
            pass
