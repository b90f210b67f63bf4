/* Both ends of the ways that gateways are measured on; every number that it prints stands last on its line.
 *
 *   ways serve FILE HELLO           the far end of tunnels; writes its port to FILE
 *   ways answer FILE                the far end of a route: a small JSON answer to every request
 *   ways down PROXY PORT HELLO MIB  through one tunnel: MiB a second
 *   ways turn PROXY PORT HELLO N    through one tunnel: microseconds of a byte there and back, median
 *   ways many PROXY PORT HELLO N    N tunnels at once, a byte there and back in each: how many failed
 *   ways refused PROXY SECONDS      connections that ask for a host that is not allowed: refusals a second
 *   ways ask HOST:PORT PATH N       requests on one connection: microseconds, median and 99th of a hundred
 *
 * Blocks are those of TLS, whose records hold 16 KiB.
 * PROXY is HOST:PORT, `env` for the one in HTTPS_PROXY, or `-` for none. HELLO is a file with a TLS ClientHello. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static char hello[1 << 14], proxy_at[64], credential[512];
static size_t hello_length;

static void fail(const char *why) {
    fprintf(stderr, "ways: %s\n", why);
    exit(3);
}

static double now(void) {
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    return at.tv_sec * 1e6 + at.tv_nsec / 1e3;
}

static int by_value(const void *a, const void *b) {
    double left = *(const double *)a, right = *(const double *)b;
    return left < right ? -1 : left > right;
}

static int all(int fd, char *bytes, size_t length, ssize_t (*move)(int, void *, size_t)) {
    for (size_t done = 0; done < length;) {
        ssize_t moved = move(fd, bytes + done, length - done);
        if (moved <= 0) return 0;
        done += moved;
    }
    return 1;
}

static ssize_t put(int fd, void *bytes, size_t length) { return send(fd, bytes, length, MSG_NOSIGNAL); }

static void load(const char *path) {
    FILE *file = fopen(path, "rb");
    if (!file) fail(path);
    hello_length = fread(hello, 1, sizeof hello, file);
    fclose(file);
}

static int dial(const char *host, int port) {
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(port)};
    int fd = socket(AF_INET, SOCK_STREAM, 0), on = 1;
    if (fd < 0 || inet_pton(AF_INET, host, &at.sin_addr) != 1 || connect(fd, (struct sockaddr *)&at, sizeof at)) {
        if (fd >= 0) close(fd);
        return -1;
    }
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return fd;
}

static int dial_named(const char *name) {
    char host[64];
    const char *colon = strchr(name, ':');
    if (!colon || colon - name >= (long)sizeof host) fail("HOST:PORT");
    memcpy(host, name, colon - name);
    host[colon - name] = 0;
    return dial(host, atoi(colon + 1));
}

/* `http://user:password@host:port`, as the variable has it. */
static void of_environment(void) {
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const char *url = getenv("HTTPS_PROXY"), *at = url ? strchr(url, '@') : NULL;
    if (!at || strncmp(url, "http://", 7)) fail("HTTPS_PROXY");
    const unsigned char *from = (const unsigned char *)url + 7;
    size_t length = at - url - 7, out = sprintf(credential, "Proxy-Authorization: Basic ");
    for (size_t i = 0; i < length; i += 3) {
        unsigned word = from[i] << 16 | (i + 1 < length ? from[i + 1] << 8 : 0) | (i + 2 < length ? from[i + 2] : 0);
        for (int k = 0; k < 4; k++) credential[out++] = i + k > length ? '=' : digits[word >> (18 - 6 * k) & 63];
    }
    sprintf(credential + out, "\r\n");
    snprintf(proxy_at, sizeof proxy_at, "%s", at + 1);
}

/* The status of a CONNECT; the connection stays open. */
static int connect_through(int fd, const char *host, int port) {
    char text[1024];
    int length = snprintf(text, sizeof text, "CONNECT %s:%d HTTP/1.1\r\nHost: %s:%d\r\n%s\r\n", host, port, host, port, credential);
    if (!all(fd, text, length, put)) return 0;
    for (size_t got = 0; got < sizeof text - 1;) {
        ssize_t more = read(fd, text + got, sizeof text - 1 - got);
        if (more <= 0) return 0;
        text[got += more] = 0;
        if (strstr(text, "\r\n\r\n")) return atoi(text + 9);
    }
    return 0;
}

static int tunnel(const char *proxy, int port) {
    int fd;
    if (!strcmp(proxy, "-")) {
        fd = dial("127.0.0.1", port);
    } else {
        fd = dial_named(*proxy_at ? proxy_at : proxy);
        if (fd >= 0 && connect_through(fd, "localhost", port) != 200) {
            close(fd);
            fd = -1;
        }
    }
    if (fd >= 0 && !all(fd, hello, hello_length, put)) {
        close(fd);
        fd = -1;
    }
    return fd;
}

static void *far_end(void *argument) {
    int fd = (int)(long)argument, on = 1;
    static char block[1 << 14];
    char first[1 << 14], what;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (all(fd, first, hello_length, read) && read(fd, &what, 1) == 1) {
        if (what == 'D')
            while (put(fd, block, sizeof block) > 0) {}
        while (what == 'E' && put(fd, &what, 1) == 1 && read(fd, &what, 1) == 1) {}
    }
    close(fd);
    return NULL;
}

static void *answers(void *argument) {
    int fd = (int)(long)argument, on = 1;
    char text[1 << 16], reply[] = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 13\r\n\r\n{\"type\":\"x\"}\n";
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    for (size_t got = 0;;) {
        ssize_t more = read(fd, text + got, sizeof text - 1 - got);
        if (more <= 0) break;
        text[got += more] = 0;
        char *end = strstr(text, "\r\n\r\n"), *length = strcasestr(text, "content-length:");
        if (!end || (size_t)(end + 4 - text) + (length ? atoi(length + 15) : 0) > got) continue;
        if (!all(fd, reply, sizeof reply - 1, put)) break;
        got = 0;
    }
    close(fd);
    return NULL;
}

static void serve(const char *file, void *(*each)(void *)) {
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t size = sizeof at;
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    if (listener < 0 || bind(listener, (struct sockaddr *)&at, size) || listen(listener, 4096)) fail("listen");
    getsockname(listener, (struct sockaddr *)&at, &size);
    FILE *out = fopen(file, "w");
    if (!out) fail(file);
    fprintf(out, "%d\n", ntohs(at.sin_port));
    fclose(out);
    pthread_attr_t small;
    pthread_attr_init(&small);
    pthread_attr_setstacksize(&small, 1 << 17);
    for (;;) {
        pthread_t thread;
        int fd = accept(listener, NULL, NULL);
        if (fd >= 0 && pthread_create(&thread, &small, each, (void *)(long)fd)) close(fd);
        else if (fd >= 0) pthread_detach(thread);
    }
}

static void down(const char *proxy, int port, long mib) {
    static char block[1 << 14];
    int fd = tunnel(proxy, port);
    if (fd < 0 || put(fd, "D", 1) != 1) fail("no tunnel");
    double start = 0;
    /* What is warm is measured: the first tenth is not. */
    for (long got = 0, from = (mib << 20) / 10, end = from + (mib << 20); got < end;) {
        ssize_t more = read(fd, block, sizeof block);
        if (more <= 0) fail("the tunnel broke off");
        got += more;
        if (!start && got >= from) start = now();
    }
    printf("MiB a second %.1f\n", mib / ((now() - start) / 1e6));
}

static double turn(int fd) {
    char byte = 'E';
    double start = now();
    if (put(fd, &byte, 1) != 1 || read(fd, &byte, 1) != 1) return -1;
    return now() - start;
}

static void turns(const char *proxy, int port, long rounds) {
    double *took = calloc(rounds, sizeof *took);
    int fd = tunnel(proxy, port);
    for (long i = -100; i < rounds; i++) {
        double one = fd < 0 ? -1 : turn(fd);
        if (one < 0) fail("no tunnel");
        if (i >= 0) took[i] = one;
    }
    qsort(took, rounds, sizeof *took, by_value);
    printf("microseconds %.2f\n", took[rounds / 2]);
}

static void many(const char *proxy, int port, int count) {
    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    int *fds = calloc(count, sizeof *fds), failed = 0;
    for (int i = 0; i < count; i++) fds[i] = tunnel(proxy, port);
    for (int round = 0; round < 3; round++)
        for (int i = 0; i < count; i++)
            if (fds[i] >= 0 && turn(fds[i]) < 0) close(fds[i]), fds[i] = -1;
    for (int i = 0; i < count; i++) failed += fds[i] < 0;
    /* So that what they cost can be looked at. */
    fflush(stdout);
    sleep(getenv("WAYS_STAY") ? atoi(getenv("WAYS_STAY")) : 0);
    printf("failed %d\n", failed);
}

static void refused(const char *proxy, double seconds) {
    double start = now();
    long count = 0;
    for (; now() - start < seconds * 1e6; count++) {
        int fd = dial_named(*proxy_at ? proxy_at : proxy);
        int status = fd < 0 ? 0 : connect_through(fd, "refused.example", 443);
        if (status == 200 || status == 0) fail("not refused");
        struct linger reset = {1, 0};
        setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
        close(fd);
    }
    printf("refusals a second %.0f\n", count / seconds);
}

static void ask(const char *at, const char *path, long rounds) {
    static const char body[] = "{\"model\":\"claude-opus-4-8\",\"max_tokens\":8,\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]}";
    const char *token = getenv("ANTHROPIC_AUTH_TOKEN");
    char request[1024], text[4096];
    int length = snprintf(request, sizeof request,
                          "POST %s HTTP/1.1\r\nHost: %s\r\nAuthorization: Bearer %s\r\ncontent-type: application/json\r\ncontent-length: %zu\r\n\r\n%s",
                          path, at, token ? token : "none", sizeof body - 1, body);
    double *took = calloc(rounds, sizeof *took);
    int fd = dial_named(at);
    for (long i = -100; i < rounds; i++) {
        double start = now();
        if (fd < 0 || !all(fd, request, length, put)) fail("no connection");
        for (size_t got = 0;;) {
            ssize_t more = read(fd, text + got, sizeof text - 1 - got);
            if (more <= 0) fail("no answer, or the connection was not kept");
            text[got += more] = 0;
            if (strncmp(text, "HTTP/1.1 200", 12)) fail(text);
            if (strstr(text, "}\n")) break;
        }
        if (i >= 0) took[i] = now() - start;
    }
    qsort(took, rounds, sizeof *took, by_value);
    printf("microseconds %.2f %.2f\n", took[rounds / 2], took[rounds * 99 / 100]);
}

int main(int count, char **words) {
    signal(SIGPIPE, SIG_IGN);
    if (count < 3) fail("see the head of ways.c");
    const char *what = words[1];
    if (!strcmp(words[2], "env")) of_environment();
    if (!strcmp(what, "serve") && count == 4) load(words[3]), serve(words[2], far_end);
    if (!strcmp(what, "answer")) serve(words[2], answers);
    if (!strcmp(what, "refused") && count == 4) return refused(words[2], atof(words[3])), 0;
    if (!strcmp(what, "ask") && count == 5) return ask(words[2], words[3], atol(words[4])), 0;
    if (count != 6) fail("see the head of ways.c");
    load(words[4]);
    if (!strcmp(what, "down")) return down(words[2], atoi(words[3]), atol(words[5])), 0;
    if (!strcmp(what, "turn")) return turns(words[2], atoi(words[3]), atol(words[5])), 0;
    if (!strcmp(what, "many")) return many(words[2], atoi(words[3]), atoi(words[5])), 0;
    fail("see the head of ways.c");
}
