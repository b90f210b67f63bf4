/* older.c: starts a command on a kernel that has less than this one, as far as the command can tell.
 *
 *   older [CALL[/ARGUMENT=VALUE…]=ERRNO | landlock=ABI | hide=PREFIX]… -- COMMAND…
 *
 * CALL=ERRNO answers a system call with an error, where its arguments (0 to 5, their low 32 bits) are the values named.
 * landlock=ABI lets Landlock be of that version: it says so, and refuses what a later one brought (landlock(7)).
 * hide=PREFIX makes paths that begin so be not there. Both of these follow every process that the command starts.
 *
 * x86-64 only. It traces, so nobody else may; it needs no privilege.
 */
#define _GNU_SOURCE
#include <elf.h>
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/landlock.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#define CALL(name) {#name, SYS_##name}
static const struct { const char *name; int number; } calls[] = {
    CALL(seccomp), CALL(ioctl), CALL(setsockopt), CALL(socket), CALL(bind), CALL(close_range), CALL(memfd_create), CALL(unshare),
    CALL(landlock_create_ruleset), CALL(landlock_restrict_self), CALL(landlock_add_rule), CALL(prctl),
    CALL(signalfd4), CALL(setresuid), CALL(setresgid),
    CALL(setgroups), CALL(kill), CALL(sendto), CALL(pidfd_open), CALL(mount), CALL(setsid), CALL(capset), CALL(prlimit64),
};
#define ERROR(name) {#name, name}
static const struct { const char *name; int number; } errors[] = {
    ERROR(ENOSYS), ERROR(EOPNOTSUPP), ERROR(EPERM), ERROR(EACCES), ERROR(EINVAL), ERROR(ENOPROTOOPT), ERROR(EADDRINUSE),
    ERROR(EAFNOSUPPORT), ERROR(ENODEV), ERROR(EBUSY), ERROR(EPROTONOSUPPORT),
};
/* Calls that name a path, and which argument it is. */
static const struct { int number, argument; } paths[] = {
    {SYS_open, 0}, {SYS_openat, 1}, {SYS_openat2, 1}, {SYS_stat, 0}, {SYS_lstat, 0}, {SYS_newfstatat, 1}, {SYS_statx, 1},
    {SYS_readlink, 0}, {SYS_readlinkat, 1}, {SYS_access, 0}, {SYS_faccessat, 1}, {SYS_faccessat2, 1}, {SYS_execve, 0},
};
#define COUNT(list) (sizeof(list) / sizeof *(list))

static struct sock_filter filter[512] = {
    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch)),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_X86_64, 1, 0),
    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
};
static int length = 3, abi = -1, hidden;
static const char *hide[8];

static void fail(const char *what) {
    fprintf(stderr, "older: %s: %s\n", what, strerror(errno));
    exit(99);
}

static void add(struct sock_filter statement) {
    if (length + 1 >= (int)COUNT(filter)) exit(99);
    filter[length++] = statement;
}

/* Answers `number` with `answer` where every argument has its value. */
static void rule(int number, const char *arguments, unsigned answer) {
    int start = length;
    add((struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)));
    add((struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 255));
    while (*arguments == '/') {
        char *end;
        unsigned index = strtoul(arguments + 1, &end, 10), value = strtoul(end + 1, &end, 0);
        add((struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args) + 8 * index));
        add((struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, 0, 255));
        arguments = end;
    }
    add((struct sock_filter)BPF_STMT(BPF_RET | BPF_K, answer));
    for (int at = start; at < length; at++)
        if (filter[at].jf == 255) filter[at].jf = length - at - 1;
}

static int number_of(const char *name, size_t size) {
    for (size_t at = 0; at < COUNT(calls); at++)
        if (strlen(calls[at].name) == size && !memcmp(calls[at].name, name, size)) return calls[at].number;
    fprintf(stderr, "older: unknown call %.*s\n", (int)size, name);
    exit(99);
}

static void option(const char *text) {
    if (sscanf(text, "landlock=%d", &abi) == 1) return rule(SYS_landlock_create_ruleset, "", SECCOMP_RET_TRACE);
    if (!strncmp(text, "hide=", 5)) {
        if (!hidden)
            for (size_t at = 0; at < COUNT(paths); at++) rule(paths[at].number, "", SECCOMP_RET_TRACE);
        hide[hidden++] = text + 5;
        return;
    }
    const char *answer = strrchr(text, '=');
    for (size_t at = 0; answer && at < COUNT(errors); at++)
        if (!strcmp(errors[at].name, answer + 1))
            return rule(number_of(text, strcspn(text, "/=")), text + strcspn(text, "/="), SECCOMP_RET_ERRNO | errors[at].number);
    fprintf(stderr, "older: not understood: %s\n", text);
    exit(99);
}

static void copy(pid_t pid, unsigned long from, void *to, size_t size) {
    struct iovec here = {to, size}, there = {(void *)from, size};
    if (process_vm_readv(pid, &here, 1, &there, 1, 0) < 0) memset(to, 0, size);
}

/* What a Landlock of version `abi` answers; 1 where the kernel may answer itself. */
static long landlock(pid_t pid, unsigned long attribute, unsigned long size, unsigned long flags) {
    struct { unsigned long long files, net, scoped; } asked = {0};
    if (flags == LANDLOCK_CREATE_RULESET_VERSION) return abi ? abi : -EOPNOTSUPP;
    if (!abi) return -EOPNOTSUPP;
    if (flags) return -EINVAL;
    copy(pid, attribute, &asked, size < sizeof asked ? size : sizeof asked);
    /* Rights on files: 13 of ABI 1, then REFER, TRUNCATE, IOCTL_DEV. Bits of fields that are not known are too big. */
    unsigned known = abi >= 5 ? 16 : abi >= 3 ? 15 : abi == 2 ? 14 : 13;
    if (asked.files >> known) return -EINVAL;
    if ((abi < 4 && asked.net) || (abi < 6 && asked.scoped)) return -E2BIG;
    return 1;
}

/* Whether the path is one that is hidden; a string that lies across the end of a page is read up to there. */
static int is_hidden(pid_t pid, unsigned long from) {
    char path[64] = "";
    size_t room = 4096 - from % 4096;
    copy(pid, from, path, room < sizeof path - 1 ? room : sizeof path - 1);
    for (int at = 0; at < hidden; at++)
        if (!strncmp(path, hide[at], strlen(hide[at]))) return 1;
    return 0;
}

static void answer(pid_t pid) {
    struct user_regs_struct registers;
    if (ptrace(PTRACE_GETREGS, pid, 0, &registers)) return;
    unsigned long arguments[] = {registers.rdi, registers.rsi, registers.rdx};
    long given = 1;
    if (registers.orig_rax == SYS_landlock_create_ruleset) given = landlock(pid, arguments[0], arguments[1], arguments[2]);
    for (size_t at = 0; at < COUNT(paths); at++)
        if (registers.orig_rax == (unsigned long)paths[at].number && is_hidden(pid, arguments[paths[at].argument])) given = -ENOENT;
    if (given == 1 && !(registers.orig_rax == SYS_landlock_create_ruleset && arguments[2] == LANDLOCK_CREATE_RULESET_VERSION)) return;
    registers.orig_rax = -1;
    registers.rax = given;
    ptrace(PTRACE_SETREGS, pid, 0, &registers);
}

static int trace(pid_t first) {
    int status, result = 99;
    for (;;) {
        pid_t pid = waitpid(-1, &status, __WALL);
        if (pid < 0) return errno == ECHILD ? result : 99;
        if (!WIFSTOPPED(status)) {
            if (pid == first) result = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
            continue;
        }
        int signal = WSTOPSIG(status), event = status >> 16;
        if (event == PTRACE_EVENT_SECCOMP) answer(pid);
        /* A stop that is a job's stop is kept; other events and the first stop of a child are ours alone. */
        if (event == PTRACE_EVENT_STOP && (signal == SIGSTOP || signal == SIGTSTP || signal == SIGTTIN || signal == SIGTTOU))
            ptrace(PTRACE_LISTEN, pid, 0, 0);
        else
            ptrace(PTRACE_CONT, pid, 0, event ? 0 : signal);
    }
}

int main(int count, char **words) {
    int at = 1;
    for (; at < count && strcmp(words[at], "--"); at++) option(words[at]);
    if (++at >= count) exit(99);
    add((struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
    struct sock_fprog program = {length, filter};
    int traced = abi >= 0 || hidden, ready[2];
    if (pipe(ready)) fail("pipe");
    pid_t child = traced ? fork() : 0;
    if (child > 0) {
        long options = PTRACE_O_TRACESECCOMP | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE | PTRACE_O_EXITKILL;
        if (ptrace(PTRACE_SEIZE, child, 0, options)) fail("trace");
        close(ready[0]);
        close(ready[1]);
        return trace(child);
    }
    close(ready[1]);
    if (traced && read(ready[0], &at, 1) < 0) fail("read");
    close(ready[0]);
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)) fail("no_new_privs");
    /* The last filter that goes up is the one whose answer counts least: it has no say over filters of the command. */
    if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program)) fail("seccomp");
    execvp(words[at], words + at);
    fail(words[at]);
}
