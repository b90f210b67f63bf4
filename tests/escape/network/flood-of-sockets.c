// line: fork-bomb of socket()/notify flood
// control: not bound
// inside: all bound
// places: host root user restricted
// why: in a network namespace of its own no socket needs a device
#include "probe.h"
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>

/* Many processes ask for sockets as fast as they can. Each looks at every socket that it gets: one that no device holds is a
   way out. Then one more has to come within a second. */
static int loose(int made) {
    char device[16] = "";
    socklen_t size = sizeof device;
    getsockopt(made, SOL_SOCKET, SO_BINDTODEVICE, device, &size);
    return strcmp(device, "lo") != 0;
}

int main(void) {
    int found = 0, status;
    for (int i = 0; i < 64; i++) {
        if (fork() == 0) {
            time_t end = time(0) + 2;
            while (time(0) < end) {
                int made = socket(AF_INET, SOCK_STREAM, 0);
                if (made >= 0 && loose(made)) _exit(1);
                close(made);
            }
            _exit(0);
        }
    }
    sleep(1);
    alarm(1);
    int made = step(socket(AF_INET, SOCK_STREAM, 0));
    alarm(0);
    found = loose(made);
    while (wait(&status) > 0) found |= !WIFEXITED(status) || WEXITSTATUS(status);
    printf("result: %s\n", found ? "not bound" : "all bound");
}
