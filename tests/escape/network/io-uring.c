// line: io_uring IORING_OP_SOCKET/CONNECT
// control: works
// inside: EPERM
// seen: tcp 198.51.100.66:443
#include "probe.h"
#include <arpa/inet.h>
#include <linux/io_uring.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>

static int ring;
static struct io_uring_params params;
static char *queue, *done;
static struct io_uring_sqe *entries;

/* Submits one operation and returns what it answered. */
static long submit(struct io_uring_sqe entry) {
    unsigned *tail = (unsigned *)(queue + params.sq_off.tail), *mask = (unsigned *)(queue + params.sq_off.ring_mask);
    unsigned at = *tail & *mask;
    entries[at] = entry;
    ((unsigned *)(queue + params.sq_off.array))[at] = at;
    __atomic_store_n(tail, *tail + 1, __ATOMIC_RELEASE);
    step(syscall(SYS_io_uring_enter, ring, 1, 1, IORING_ENTER_GETEVENTS, 0, 0));
    unsigned *head = (unsigned *)(done + params.cq_off.head);
    struct io_uring_cqe *answers = (void *)(done + params.cq_off.cqes);
    long answer = answers[*head & *(unsigned *)(done + params.cq_off.ring_mask)].res;
    __atomic_store_n(head, *head + 1, __ATOMIC_RELEASE);
    errno = answer < 0 ? -answer : 0;
    return answer < 0 ? -1 : answer;
}

int main(void) {
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(443), .sin_addr.s_addr = inet_addr("198.51.100.66")};
    ring = step(syscall(SYS_io_uring_setup, 4, &params));
    queue = mmap(0, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, ring, IORING_OFF_SQ_RING);
    done = mmap(0, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, ring, IORING_OFF_CQ_RING);
    entries = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, ring, IORING_OFF_SQES);
    /* IORING_OP_SOCKET makes a socket that no filter on socket() sees. */
    long made = step(submit((struct io_uring_sqe){.opcode = 45, .fd = AF_INET, .off = SOCK_STREAM}));
    result(submit((struct io_uring_sqe){.opcode = IORING_OP_CONNECT, .fd = made, .addr = (long)&to, .off = sizeof to}));
}
