# line: bpf, perf_event_open, userfaultfd
# control: works
# inside: EPERM
from attempt import call

call(250, 0, -3, 1)  # KEYCTL_GET_KEYRING_ID
