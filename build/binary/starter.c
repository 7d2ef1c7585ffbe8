/* PROGRAM/cryptobot: becomes PROGRAM/program/cryptobot.bin, with the same words, environment and number.
 *
 * The compiled program itself cannot lie there: beside it lies a folder `cryptobot` with the package's files.
 */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#ifdef __APPLE__
#include <mach-o/dyld.h>
#endif

#define PATH_BYTES 4096
#define INNER "/program/cryptobot.bin"

static int own_path(char *out) {
#ifdef __APPLE__
    char raw[PATH_BYTES];
    uint32_t size = PATH_BYTES;
    return _NSGetExecutablePath(raw, &size) == 0 && realpath(raw, out) != NULL;
#else
    ssize_t length = readlink("/proc/self/exe", out, PATH_BYTES - 1);
    if (length >= 0) out[length] = 0;
    return length > 0;
#endif
}

int main(int count, char **words) {
    char path[PATH_BYTES + sizeof INNER];
    (void)count;
    if (!own_path(path)) {
        fputs("cryptobot: its own file is not found: is /proc mounted?\n", stderr);
        return 1;
    }
    strcpy(strrchr(path, '/'), INNER);
    execv(path, words);
    fprintf(stderr, "cryptobot: %s cannot be started: %s. Install the program again.\n", path, strerror(errno));
    return 1;
}
