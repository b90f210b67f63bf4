/* race ADDRESS PORT: one thread exchanges the address under connect's hands, between loopback and ADDRESS; the other counts
   how often it ends up at ADDRESS in 3,000 tries. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

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

int main(int count, char **words) {
    if (count != 3) return 2;
    inside = inet_addr("127.0.0.1");
    outside = inet_addr(words[1]);
    to = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(atoi(words[2])), .sin_addr.s_addr = inside};
    pthread_t thread;
    if (pthread_create(&thread, NULL, flip, NULL)) return 3;
    int reached = 0;
    for (int i = 0; i < 3000; i++) {
        struct sockaddr_in peer = {0};
        socklen_t size = sizeof peer;
        int made = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
        if (made < 0) return 4;
        connect(made, (struct sockaddr *)&to, sizeof to);
        usleep(50);
        reached += !getpeername(made, (struct sockaddr *)&peer, &size) && peer.sin_addr.s_addr == outside;
        close(made);
    }
    done = 1;
    pthread_join(thread, NULL);
    printf("reached outside: %d of 3000\n", reached);
    return 0;
}
