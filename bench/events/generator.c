// usage: generator RATE SECONDS: so many getppid() a second, in portions of a millisecond; waits for a line first.
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    long rate = argc > 1 ? atol(argv[1]) : 1000, seconds = argc > 2 ? atol(argv[2]) : 1, sent = 0;
    char line[16];
    struct timespec at;
    if (!fgets(line, sizeof(line), stdin))
        return 1;
    clock_gettime(CLOCK_MONOTONIC, &at);
    for (long ms = 1; ms <= seconds * 1000; ms++) {
        for (; sent < rate * ms / 1000; sent++)
            syscall(SYS_getppid);
        at.tv_nsec += 1000000;
        if (at.tv_nsec >= 1000000000) {
            at.tv_nsec -= 1000000000;
            at.tv_sec++;
        }
        clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL);
    }
    printf("%ld\n", sent);
    return 0;
}
