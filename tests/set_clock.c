/* Puts a process's clock ahead, or back, by the seconds that a file names ($CLOCK_AHEAD): for LD_PRELOAD.

   Only the time of day is set. What merely passes (CLOCK_MONOTONIC) goes on as it does when an operator sets a clock. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static long ahead(void)
{
    const char *path = getenv("CLOCK_AHEAD");
    char said[32] = "";
    int file = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    if (file < 0)
        return 0;
    if (read(file, said, sizeof said - 1) < 0)
        said[0] = 0;
    close(file);
    return atol(said);
}

int clock_gettime(clockid_t which, struct timespec *found)
{
    int (*real)(clockid_t, struct timespec *) = dlsym(RTLD_NEXT, "clock_gettime");
    int result = real(which, found);
    if (result == 0 && which == CLOCK_REALTIME)
        found->tv_sec += ahead();
    return result;
}
