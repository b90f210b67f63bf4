// line: unshare/clone/clone3
// control: works
// inside: ENOSYS
#include "probe.h"
#include <linux/sched.h>
#include <signal.h>
#include <sys/syscall.h>

int main(void) {
    /* A filter cannot read clone3's flags: the call is absent, and the C library uses clone instead. */
    struct clone_args arguments = {.flags = CLONE_NEWUSER, .exit_signal = SIGCHLD};
    long child = syscall(SYS_clone3, &arguments, sizeof arguments);
    if (child == 0) _exit(0);
    result(child);
}
