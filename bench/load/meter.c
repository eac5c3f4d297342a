#define _GNU_SOURCE
#include "meter.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

enum { MAX_WATCHED = 64 };
static pid_t watched[MAX_WATCHED];
static clockid_t clocks[MAX_WATCHED];
static int watched_count;

static uint64_t read_clock(clockid_t id) {
  struct timespec t;
  if (clock_gettime(id, &t)) return 0;
  return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

uint64_t now_ns(void) { return read_clock(CLOCK_MONOTONIC); }
uint64_t own_cpu_ns(void) { return read_clock(CLOCK_PROCESS_CPUTIME_ID); }

void watch(const char *pids) {
  for (char *next = (char *)pids; *next && watched_count < MAX_WATCHED; next += *next == ',') {
    pid_t pid = (pid_t)strtol(next, &next, 10);
    if (pid <= 0) return;
    // The clock of another process is exact to the nanosecond, where /proc counts ticks of 10 ms.
    if (clock_getcpuclockid(pid, &clocks[watched_count]) == 0) watched[watched_count++] = pid;
  }
}

uint64_t watched_cpu_ns(void) {
  uint64_t sum = 0;
  for (int i = 0; i < watched_count; i++) sum += read_clock(clocks[i]);
  return sum;
}

uint64_t watched_rss(void) {
  uint64_t sum = 0;
  for (int i = 0; i < watched_count; i++) {
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/statm", (int)watched[i]);
    FILE *file = fopen(path, "r");
    unsigned long long size, resident;
    if (file == NULL) continue;
    if (fscanf(file, "%llu %llu", &size, &resident) == 2) sum += resident * (uint64_t)sysconf(_SC_PAGESIZE);
    fclose(file);
  }
  return sum;
}

void record(histogram *h, uint64_t nanoseconds) {
  h->total++;
  if (nanoseconds < 64) {
    h->count[nanoseconds]++;
    return;
  }
  // The position of the highest bit, and the six bits below it.
  int high = 63 - __builtin_clzll(nanoseconds);
  size_t class = (size_t)(high - 5) * 64 + ((nanoseconds >> (high - 6)) & 63);
  size_t last = sizeof h->count / sizeof *h->count - 1;
  h->count[class < last ? class : last]++;
}

double percentile_ms(const histogram *h, double share) {
  uint64_t wanted = (uint64_t)((double)h->total * share), seen = 0;
  if (h->total == 0) return 0;
  if (wanted >= h->total) wanted = h->total - 1;
  for (size_t class = 0; class < sizeof h->count / sizeof *h->count; class++) {
    seen += h->count[class];
    if (seen <= wanted) continue;
    if (class < 64) return (double)class / 1e6;
    double octave = (double)(1ull << (class / 64 - 1));
    return octave * (64.0 + (double)(class % 64)) / 1e6;
  }
  return 0;
}
