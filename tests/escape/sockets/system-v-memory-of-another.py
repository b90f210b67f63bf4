# line: bpf, perf_event_open, userfaultfd
# control: works
# inside: ENOENT
# inside host: works
# inside host-netns: ENOENT
# residual: System V shared memory and semaphores that the job's own programs made, where the agent keeps their uid or where they are open to everyone
from attempt import call

# Memory of somebody outside whose mode lets everyone in; its key is known.
call(30, call(29, 0x5EC4E7, 0, 0), 0, 0)  # shmget(2), shmat(2)
