/* What probes in C share: the label of a result. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Ends the probe with `works`, or with the name of the error of a call that answered -1. */
static inline void result(long answer) {
    printf("result: %s\n", answer < 0 ? strerrorname_np(errno) : "works");
    exit(0);
}

/* Ends the probe where a step fails that only leads to the attempt; its error is the result. */
static inline long step(long answer) {
    if (answer < 0) result(answer);
    return answer;
}

/* A call of the i386 table through `int 0x80`; pointers have to lie in the low 4 GiB. */
static inline long i386(long number, long a, long b, long c) {
    long answer;
    __asm__ volatile("push %%rbx; mov %2, %%rbx; int $0x80; pop %%rbx"
                     : "=a"(answer) : "0"(number), "r"(a), "c"(b), "d"(c) : "r8", "r9", "r10", "r11", "memory");
    errno = answer < 0 ? -answer : 0;
    return answer < 0 ? -1 : answer;
}
