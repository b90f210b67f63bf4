// line: agent asked (prompt-injected)
// control: EINVAL
// inside: EINVAL
#include "probe.h"
#include <sys/prctl.h>
#include <sys/syscall.h>

int main(void) {
    /* Filters and domains can only be added to: there is no call that takes one off. What is left to try is to leave the strict
       mode behind by asking for none. */
    result(prctl(PR_SET_SECCOMP, 0, 0, 0, 0));
}
