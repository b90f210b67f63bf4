// line: openat2, name_to_handle_at
// control: works
// inside: EPERM
#include "probe.h"
#include <fcntl.h>

int main(void) {
    char target[4096];
    struct { struct file_handle head; char rest[128]; } handle = {.head.handle_bytes = 128};
    int mount;
    snprintf(target, sizeof target, "%s/secret", getenv("OUT"));
    step(name_to_handle_at(AT_FDCWD, target, &handle.head, &mount, 0));
    int place = step(open(".", O_RDONLY));
    result(open_by_handle_at(place, &handle.head, O_RDONLY));
}
