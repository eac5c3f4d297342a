import type { KeptGroupsFigures, ServerStats } from '../observe/server-stats.ts'
import type { Metric } from './metric.ts'

/** The metrics of the kept groups of all layers. */
export const keptGroupMetrics: readonly Metric[] = [
  one('counter', 'log_published_total', 'Events that were appended to logs.', (log) => log.published),
  one(
    'counter',
    'log_duplicates_total',
    'Events that were not appended because their id was appended before.',
    (log) => log.duplicates,
  ),
  one('counter', 'log_delivered_total', 'Events delivered to followers in this process.', (log) => log.delivered),
  one(
    'counter',
    'log_volatile_dropped_total',
    'Volatile events that a busy follower did not get.',
    (log) => log.volatileDropped,
  ),
  byReason('log_resumes_total', 'Beginnings of followers, by result.', 'result', (log) => log.resumes),
  byReason('log_resets_total', 'Followers that lost their position, by reason.', 'reason', (log) => log.resets),
  one('counter', 'log_reads_total', 'Reads of logs for followers.', (log) => log.reads),
  one('counter', 'log_repairs_total', 'Reads of logs after gaps.', (log) => log.repairs),
  one('counter', 'log_repaired_entries_total', 'Missed entries that these reads found.', (log) => log.repaired),
  one(
    'counter',
    'log_sweep_findings_total',
    'Gaps that only the sweep found. It must stay at 0.',
    (log) => log.sweepFindings,
  ),
  one('gauge', 'log_groups', 'Kept groups with a follower in this process.', (log) => log.groups),
  one('gauge', 'log_followers', 'Followers in this process.', (log) => log.followers),
  one('gauge', 'log_lagging_followers', 'Followers without the newest entry.', (log) => log.lagging),
  one('gauge', 'log_worst_lag', 'How many entries the slowest follower is behind.', (log) => log.worstLag),
  one('gauge', 'log_ring_bytes', 'Bytes of entries that this process holds.', (log) => log.ringBytes),
]

function* logsOf({ channelLayers }: ServerStats): Generator<readonly [layer: string, log: KeptGroupsFigures]> {
  for (const [layer, { keptGroups }] of Object.entries(channelLayers)) {
    if (keptGroups !== undefined) yield [layer, keptGroups]
  }
}

function one(type: Metric['type'], name: string, help: string, valueOf: (log: KeptGroupsFigures) => number): Metric {
  return {
    name,
    help,
    type,
    labelNames: ['layer'],
    *read(stats) {
      for (const [layer, log] of logsOf(stats)) yield [{ layer }, valueOf(log)]
    },
  }
}

function byReason(
  name: string,
  help: string,
  label: string,
  countsOf: (log: KeptGroupsFigures) => Readonly<Record<string, number>>,
): Metric {
  return {
    name,
    help,
    type: 'counter',
    labelNames: ['layer', label],
    *read(stats) {
      for (const [layer, log] of logsOf(stats)) {
        for (const [reason, count] of Object.entries(countsOf(log))) yield [{ layer, [label]: reason }, count]
      }
    },
  }
}
