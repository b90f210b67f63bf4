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
    /* 359 is socket, 362 is connect. */
    long made = step(i386(359, AF_INET, SOCK_STREAM, 0));
    result(i386(362, made, (long)to, sizeof *to));
}
