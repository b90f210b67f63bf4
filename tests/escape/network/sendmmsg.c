// line: sendmmsg with one allowed and one forbidden
// control: works
// inside: EACCES
// inside netns: ENETUNREACH
// seen: udp 203.0.113.10:5353; udp 198.51.100.66:5353
#include "probe.h"
#include <arpa/inet.h>
#include <sys/socket.h>

int main(void) {
    struct sockaddr_in to[2];
    struct iovec data = {"out", 3};
    struct mmsghdr messages[2] = {0};
    char *hosts[2] = {"203.0.113.10", "198.51.100.66"};
    int made = step(socket(AF_INET, SOCK_DGRAM, 0));
    for (int i = 0; i < 2; i++) {
        to[i] = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(5353), .sin_addr.s_addr = inet_addr(hosts[i])};
        messages[i].msg_hdr = (struct msghdr){.msg_name = &to[i], .msg_namelen = sizeof to[i], .msg_iov = &data, .msg_iovlen = 1};
    }
    result(sendmmsg(made, messages, 2, 0));
}
