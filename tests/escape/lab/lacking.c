/* lacking CALL=ERROR[:ARGUMENT:BITS] … -- COMMAND…: runs a command on a kernel that lacks something. The calls named are answered with
   an error, where BITS are given only if their argument of that number has all of them; `landlock-abi=N` makes the kernel say that its
   Landlock has that ABI. Filters cannot be taken off again, so whatever the command starts lacks it too. */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static const struct { const char *name; int number; } CALLS[] = {
    {"landlock_create_ruleset", 444}, {"landlock_add_rule", 445}, {"landlock_restrict_self", 446}, {"seccomp", 317},
    {"prctl", 157}, {"bind", 49}, {"setsockopt", 54}, {"close_range", 436}, {"setresuid", 117}, {"capset", 126},
    {"socket", 41}, {"ioctl", 16}, {"memfd_create", 319}, {"prlimit64", 302}, {"setsid", 112}, {"setresgid", 119}, {"setgroups", 116},
    {"sendmsg", 46}, {"signalfd4", 289}, {"socketpair", 53},
};
static const struct { const char *name; int number; } ERRORS[] = {
    {"ENOSYS", ENOSYS}, {"EPERM", EPERM}, {"EACCES", EACCES}, {"EINVAL", EINVAL}, {"EOPNOTSUPP", EOPNOTSUPP}, {"EADDRINUSE", EADDRINUSE}, {"ENOMEM", ENOMEM},
    {"EBUSY", EBUSY},
};

#define FIND(table, text) ({ int found = -1; \
    for (unsigned i = 0; i < sizeof table / sizeof *table; i++) if (!strcmp(table[i].name, text)) found = table[i].number; \
    if (found < 0) { fprintf(stderr, "lacking: %s is not known\n", text); exit(2); } found; })

static void install(struct sock_filter *steps, int count) {
    struct sock_fprog program = {count, steps};
    if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program)) { perror("lacking: filter"); exit(2); }
}

static void lack(char *word) {
    char *call = strtok(word, "="), *error = strtok(NULL, ":"), *argument = strtok(NULL, ":"), *bits = strtok(NULL, ":");
    unsigned mask = bits ? strtoul(bits, 0, 0) : 0, index = argument ? atoi(argument) : 0;
    struct sock_filter steps[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, FIND(CALLS, call), 0, 4),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args) + 8 * index),
        BPF_STMT(BPF_ALU | BPF_AND | BPF_K, mask),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, mask, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | FIND(ERRORS, error)),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    install(steps, sizeof steps / sizeof *steps);
}

/* A parent answers landlock_create_ruleset(NULL, 0, LANDLOCK_CREATE_RULESET_VERSION) in the kernel's place. */
static void answer(int abi) {
    struct sock_filter steps[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 444, 0, 3),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args) + 16),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 1, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {sizeof steps / sizeof *steps, steps};
    int listener = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER, &program);
    if (listener < 0) { perror("lacking: listener"); exit(2); }
    pid_t child = fork();
    if (child == 0) { close(listener); return; }
    pid_t kernel = fork();
    if (kernel == 0) {
        struct seccomp_notif asked;
        for (;;) {
            memset(&asked, 0, sizeof asked);
            if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &asked)) _exit(0);
            struct seccomp_notif_resp told = {.id = asked.id, .val = abi};
            ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &told);
        }
    }
    close(listener);
    int status;
    waitpid(child, &status, 0);
    kill(kernel, SIGKILL);
    exit(WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
}

int main(int count, char **words) {
    int at = 1;
    /* Root keeps what set-uid programs give; the filters need one or the other. */
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)) return 2;
    for (; at < count && strcmp(words[at], "--"); at++) {
        if (!strncmp(words[at], "landlock-abi=", 13)) answer(atoi(words[at] + 13));
        else lack(strdup(words[at]));
    }
    if (at + 1 >= count) return 2;
    execvp(words[at + 1], words + at + 1);
    perror(words[at + 1]);
    return 127;
}
