// line: `int 0x80` socket(359)
// control: works
// inside: killed: SIGSYS
// seen: tcp 198.51.100.66:443
#include "probe.h"
#include <arpa/inet.h>
#include <sys/mman.h>
#include <sys/socket.h>

int main(void) {
    char *low = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
    struct sockaddr_in *to = (void *)low;
    *to = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(443), .sin_addr.s_addr = inet_addr("198.51.100.66")};
    /* 102 is socketcall; 1 is its socket, 3 its connect. */
    unsigned *words = (void *)(low + 256);
    words[0] = AF_INET, words[1] = SOCK_STREAM, words[2] = 0;
    long made = step(i386(102, 1, (long)words, 0));
    words[0] = made, words[1] = (long)to, words[2] = sizeof *to;
    result(i386(102, 3, (long)words, 0));
}
