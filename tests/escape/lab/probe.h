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
