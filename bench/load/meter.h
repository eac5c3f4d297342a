// Clocks, the processor time of other processes, and percentiles of latency.
#ifndef METER_H
#define METER_H

#include <stdint.h>

/** Nanoseconds of a clock that only goes forward. */
uint64_t now_ns(void);

/** Names the processes whose time is measured: their ids, separated by commas. */
void watch(const char *pids);
/** Processor time that the watched processes have used, all their threads together, in nanoseconds. */
uint64_t watched_cpu_ns(void);
/** Memory of the watched processes that is in RAM, in bytes. */
uint64_t watched_rss(void);
/** Processor time that this program has used, in nanoseconds. */
uint64_t own_cpu_ns(void);

/** Counts of latencies, in classes that are 1/64 of an octave wide: no figure read from it is off by more than 1.6 %. */
typedef struct {
  uint64_t count[64 * 40];
  uint64_t total;
} histogram;

void record(histogram *h, uint64_t nanoseconds);
/** The latency that a share of all are at most as large as, in milliseconds; 0 where there are none. */
double percentile_ms(const histogram *h, double share);

#endif
