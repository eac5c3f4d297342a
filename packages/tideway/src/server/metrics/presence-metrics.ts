import type { PresenceFigures } from '../observe/server-stats.ts'
import { ofLayers } from './layer-metric.ts'
import type { Metric } from './metric.ts'

/** The metrics of presence of all layers. */
export const presenceMetrics: readonly Metric[] = [
  of('gauge', 'presence_members', 'Connections of this process that are in a group.', (p) => p.members),
  of('gauge', 'presence_groups', 'Groups with connections of this process.', (p) => p.groups),
  of('gauge', 'presence_watched_groups', 'Groups whose people are watched in this process.', (p) => p.watched),
  of('counter', 'presence_entered_total', 'Connections of this process that have entered a group.', (p) => p.entered),
  of('counter', 'presence_left_total', 'People whose last connection this process has removed.', (p) => p.left),
  of('gauge', 'presence_left_waiting', 'People who have left and wait for onLeft listeners.', (p) => p.waitingLeft),
  of('counter', 'presence_diffs_total', 'Changes of people that watchers got, collected for a time.', (p) => p.diffs),
  of(
    'counter',
    'presence_dead_processes_total',
    'Processes without a lease whose people this process has removed.',
    (p) => p.deadProcesses,
  ),
  of(
    'counter',
    'presence_lost_leases_total',
    'Leases that have ended although this process lives.',
    (p) => p.lostLeases,
  ),
  of('counter', 'presence_failed_beats_total', 'Renewals of the lease that had no answer.', (p) => p.failedBeats),
]

function of(type: Metric['type'], name: string, help: string, valueOf: (presence: PresenceFigures) => number): Metric {
  return ofLayers(type, name, help, ({ keptGroups }) => keptGroups?.presence && valueOf(keptGroups.presence))
}
