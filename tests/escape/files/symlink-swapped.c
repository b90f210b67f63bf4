// line: symlink in workspace → /etc/passwd
// control: reached
// inside: never reached
#include "probe.h"
#include <fcntl.h>
#include <pthread.h>
#include <sys/stat.h>

/* One thread exchanges a plain file and a link to the outside under one name, the other opens it: whatever is checked and
   whatever is opened, nothing of the outside may come. */
static volatile int done;

static void *swap(void *nothing) {
    while (!done) {
        syscall(316, AT_FDCWD, "name", AT_FDCWD, "other", 2); /* renameat2, RENAME_EXCHANGE */
    }
    return nothing;
}

int main(void) {
    char target[4096], text[8];
    snprintf(target, sizeof target, "%s/secret", getenv("OUT"));
    int file = step(open("name", O_CREAT | O_WRONLY, 0644));
    step(write(file, "inside", 6));
    step(symlink(target, "other"));
    pthread_t thread;
    pthread_create(&thread, NULL, swap, NULL);
    int reached = 0;
    for (int i = 0; i < 20000; i++) {
        int opened = open("name", O_RDONLY);
        if (opened >= 0 && read(opened, text, 7) == 7 && !memcmp(text, "outside", 7)) reached++;
        close(opened);
    }
    done = 1;
    pthread_join(thread, NULL);
    printf("result: %s\n", reached ? "reached" : "never reached");
}
