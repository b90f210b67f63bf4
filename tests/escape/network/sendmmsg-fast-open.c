// line: sendmmsg with one allowed and one forbidden
// control: works
// inside: EPERM
// seen: tcp 198.51.100.66:443
#include "probe.h"
#include <arpa/inet.h>
#include <sys/socket.h>

int main(void) {
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(443), .sin_addr.s_addr = inet_addr("198.51.100.66")};
    struct iovec data = {"out", 3};
    struct mmsghdr message = {.msg_hdr = {.msg_name = &to, .msg_namelen = sizeof to, .msg_iov = &data, .msg_iovlen = 1}};
    int made = step(socket(AF_INET, SOCK_STREAM, 0));
    result(sendmmsg(made, &message, 1, MSG_FASTOPEN));
}
