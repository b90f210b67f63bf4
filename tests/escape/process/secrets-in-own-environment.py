# line: read /proc/1/
# control: works
# inside: none
import re

# Names of the job's secrets and values like theirs; the ticket is none of them.
text = open("/proc/self/environ").read()
result = "works" if "made-up-provider-key" in text and "made-up-job-token" in text else "none" if "made-up" not in text else "some"
