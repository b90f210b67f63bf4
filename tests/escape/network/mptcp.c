// line: `socket(AF_INET,SOCK_STREAM,IPPROTO_MPTCP)` + connect
// control: works
// inside: EACCES
// seen: tcp 198.51.100.66:8262
#include "probe.h"
#include <arpa/inet.h>
#include <sys/socket.h>

int main(void) {
    // 262 is IPPROTO_MPTCP; Landlock's rules on TCP ports do not know it.
    int made = step(socket(AF_INET, SOCK_STREAM, 262));
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(8262), .sin_addr.s_addr = inet_addr("198.51.100.66")};
    result(connect(made, (struct sockaddr *)&to, sizeof to));
}
