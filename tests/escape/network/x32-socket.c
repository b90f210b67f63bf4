// line: x32 nr 0x40000029
// control: works or ENOSYS
// inside: ENOSYS
#include "probe.h"
#include <sys/socket.h>
#include <sys/syscall.h>

int main(void) {
    /* __X32_SYSCALL_BIT | socket. Kernels without x32 answer ENOSYS themselves. */
    result(syscall(0x40000029, AF_INET, SOCK_STREAM, 0));
}
