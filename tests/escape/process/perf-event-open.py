# line: bpf, perf_event_open
# control: works
# inside: EPERM
import ctypes

from attempt import call

# A counter of this process's time: PERF_TYPE_SOFTWARE, PERF_COUNT_SW_TASK_CLOCK.
call(298, (ctypes.c_uint32 * 32)(1, 128, 1), 0, -1, -1, 0)
