import { durationsOfLayers, ofLayers, ofLayersBy } from './layer-metric.ts'
import type { DurationMetric, Metric } from './metric.ts'

/** The metrics of the kept groups of all layers. */
export const keptGroupMetrics: readonly Metric[] = [
  ofLayers(
    'counter',
    'log_published_total',
    'Events that were appended to logs.',
    ({ keptGroups }) => keptGroups?.published,
  ),
  ofLayers(
    'counter',
    'log_duplicates_total',
    'Events that were not appended because their id was appended before.',
    ({ keptGroups }) => keptGroups?.duplicates,
  ),
  ofLayers(
    'counter',
    'log_delivered_total',
    'Events delivered to followers in this process.',
    ({ keptGroups }) => keptGroups?.delivered,
  ),
  ofLayersBy(
    'source',
    'log_replayed_total',
    'Delivered events that the follower did not get when they were new, by where the process had them.',
    ({ keptGroups }) => keptGroups?.replayed,
  ),
  ofLayers(
    'counter',
    'log_volatile_dropped_total',
    'Volatile events that a busy follower did not get.',
    ({ keptGroups }) => keptGroups?.volatileDropped,
  ),
  ofLayers(
    'counter',
    'log_foreign_total',
    'Messages of Django that followers got as volatile events.',
    ({ keptGroups }) => keptGroups?.foreign,
  ),
  ofLayersBy(
    'result',
    'log_resumes_total',
    'Beginnings of followers, by result.',
    ({ keptGroups }) => keptGroups?.resumes,
  ),
  ofLayersBy(
    'reason',
    'log_resets_total',
    'Followers that lost their position, by reason.',
    ({ keptGroups }) => keptGroups?.resets,
  ),
  ofLayers(
    'counter',
    'log_epochs_total',
    'Epochs that began in followed groups: Redis restarted, failed over or lost data.',
    ({ keptGroups }) => keptGroups?.epochs,
  ),
  ofLayers('counter', 'log_reads_total', 'Reads of logs for followers.', ({ keptGroups }) => keptGroups?.reads),
  ofLayers('counter', 'log_repairs_total', 'Reads of logs after gaps.', ({ keptGroups }) => keptGroups?.repairs),
  ofLayers(
    'counter',
    'log_repaired_entries_total',
    'Missed entries that these reads found.',
    ({ keptGroups }) => keptGroups?.repaired,
  ),
  ofLayers(
    'counter',
    'log_sweep_findings_total',
    'Gaps that only the sweep found. It must stay at 0.',
    ({ keptGroups }) => keptGroups?.sweepFindings,
  ),
  ofLayers(
    'gauge',
    'log_groups',
    'Kept groups with a follower in this process.',
    ({ keptGroups }) => keptGroups?.groups,
  ),
  ofLayers('gauge', 'log_followers', 'Followers in this process.', ({ keptGroups }) => keptGroups?.followers),
  ofLayers(
    'gauge',
    'log_lagging_followers',
    'Followers without the newest entry.',
    ({ keptGroups }) => keptGroups?.lagging,
  ),
  ofLayers(
    'gauge',
    'log_worst_lag',
    'How many entries the slowest follower is behind.',
    ({ keptGroups }) => keptGroups?.worstLag,
  ),
  ofLayers(
    'gauge',
    'log_ring_bytes',
    'Bytes of entries that this process holds.',
    ({ keptGroups }) => keptGroups?.ringBytes,
  ),
]

/** The durations of the kept groups of all layers. */
export const keptGroupDurations: readonly DurationMetric[] = [
  durationsOfLayers(
    'log_publish_seconds',
    'Time from the publication of an event until it is in the log, or is sent if it is volatile.',
    ({ keptGroups }) => keptGroups?.publishTimes,
  ),
  durationsOfLayers('log_read_seconds', 'Time of a read of a log.', ({ keptGroups }) => keptGroups?.readTimes),
  durationsOfLayers(
    'log_catch_up_seconds',
    'Time in which a follower got entries that its process did not hold.',
    ({ keptGroups }) => keptGroups?.catchUpTimes,
  ),
]
