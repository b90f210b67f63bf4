/* Loops of single system calls and of work on loopback; prints nanoseconds a round: loops NAME ROUNDS. For `socket`, the median. */
#include <arpa/inet.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double now(void) {
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    return at.tv_sec * 1e9 + at.tv_nsec;
}

static int by_value(const void *a, const void *b) {
    double left = *(const double *)a, right = *(const double *)b;
    return left < right ? -1 : left > right;
}

static double sockets(long rounds) {
    double *took = calloc(rounds, sizeof *took);
    for (long i = 0; i < rounds; i++) {
        double start = now();
        int fd = socket(AF_INET, SOCK_STREAM, 0);
        took[i] = now() - start;
        if (fd < 0) exit(3);
        close(fd);
    }
    qsort(took, rounds, sizeof *took, by_value);
    return took[rounds / 2];
}

/* Rounds of 64 KiB from one process to another over 127.0.0.1. */
static double stream(long rounds) {
    static char block[1 << 16];
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t size = sizeof at;
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    if (listener < 0 || bind(listener, (struct sockaddr *)&at, size) || listen(listener, 1)) exit(3);
    getsockname(listener, (struct sockaddr *)&at, &size);
    if (fork() == 0) {
        int to = socket(AF_INET, SOCK_STREAM, 0);
        if (connect(to, (struct sockaddr *)&at, size)) _exit(3);
        for (long i = 0; i < rounds; i++)
            for (size_t sent = 0; sent < sizeof block;) sent += write(to, block + sent, sizeof block - sent);
        _exit(0);
    }
    int from = accept(listener, NULL, NULL);
    double start = now();
    while (read(from, block, sizeof block) > 0) {}
    double took = now() - start;
    wait(NULL);
    return took / rounds;
}

int main(int count, char **words) {
    if (count != 3) return 2;
    long rounds = atol(words[2]);
    struct stat about;
    char byte;
    double start = now(), each = 0;
    if (!strcmp(words[1], "socket")) each = sockets(rounds);
    else if (!strcmp(words[1], "stream")) each = stream(rounds);
    else {
        for (long i = 0; i < rounds; i++) {
            if (!strcmp(words[1], "getppid")) syscall(SYS_getppid);
            else if (!strcmp(words[1], "stat")) stat("loops", &about);
            else {
                int fd = open("loops", O_RDONLY);
                if (read(fd, &byte, 1) != 1) return 3;
                close(fd);
            }
        }
        each = (now() - start) / rounds;
    }
    printf("%.1f\n", each);
    return 0;
}
