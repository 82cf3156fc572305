/* A clock that a test may step: preloaded into a server, it adds to the time of day the milliseconds that stand in a file. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static volatile int64_t still, *stepped_ms = &still;

__attribute__((constructor)) static void begin(void) {
  int file = open(getenv("REDIS_PLAN_CLOCK"), O_RDONLY);
  void *at = mmap(NULL, sizeof still, PROT_READ, MAP_SHARED, file, 0);
  if (at != MAP_FAILED) stepped_ms = at;
  close(file);
}

int clock_gettime(clockid_t clock, struct timespec *now) {
  long failed = syscall(SYS_clock_gettime, clock, now);
  if (!failed && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) {
    int64_t ns = now->tv_nsec + *stepped_ms % 1000 * 1000000;
    now->tv_sec += *stepped_ms / 1000 + (ns >= 1000000000) - (ns < 0);
    now->tv_nsec = (ns + 1000000000) % 1000000000;
  }
  return failed ? -1 : 0;
}

int gettimeofday(struct timeval *now, void *zone) {
  struct timespec at;
  (void)zone;
  if (clock_gettime(CLOCK_REALTIME, &at)) return -1;
  now->tv_sec = at.tv_sec;
  now->tv_usec = at.tv_nsec / 1000;
  return 0;
}

time_t time(time_t *now) {
  struct timespec at;
  if (clock_gettime(CLOCK_REALTIME, &at)) return -1;
  if (now) *now = at.tv_sec;
  return at.tv_sec;
}
