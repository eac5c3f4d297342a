import { formatNumber } from '../src/statistics.ts'
import type { LossRow, LossTable, Percentiles } from './results.ts'

/** A load process whose event loop is later than this measures times that are too long. */
export const LATE_MS = 100

/** The columns of a table, with its cells as text. The first cell of a row is the server. */
export interface TextTable {
  readonly head: readonly string[]
  readonly rows: readonly (readonly string[])[]
}

/** What the clients have received. */
export function deliveryTable({ rows }: LossTable): TextTable {
  const head = ['server', 'delivered', 'doubled', 'out of order', 'lost and told', '**lost and not told**']
  return {
    head,
    rows: rows.map(({ name, counts }) => [
      name,
      share(counts.delivered, counts.expected),
      whole(counts.duplicates),
      whole(counts.outOfOrder),
      whole(counts.lostAndTold),
      `**${whole(counts.lostAndNotTold)}**`,
    ]),
  }
}

/** How fast, and at what cost. */
export function costTable({ scenario, rows }: LossTable): TextTable {
  const isJitter: boolean = scenario === 'jitter'
  const head = [
    'server',
    'returns',
    'socket opens in, p50 / p95 / p99 ms',
    'catch-up, p50 / p95 / p99 ms',
    'longest silence, median client / all, s',
    ...(isJitter ? ['CPU per return, µs', 'Redis commands per return'] : ['busiest second']),
  ]
  return {
    head,
    rows: rows.map((row) => [...speedCells(row), ...(isJitter ? returnCells(row) : [percent(row.peakBusy)])]),
  }
}

function speedCells({ name, returns, openMs, catchUpMs, silenceMs, loopDelayP99Ms }: LossRow): string[] {
  const silence = `${seconds(silenceMs.p50)} / ${seconds(silenceMs.max)}`
  return [
    loopDelayP99Ms > LATE_MS ? `${name} †` : name,
    whole(returns),
    percentilesText(openMs),
    percentilesText(catchUpMs),
    silence,
  ]
}

function returnCells({ name, cpuUsPerReturn, redisCommandsPerReturn }: LossRow): string[] {
  // On a busy machine the difference of two measurements may be negative.
  const cpu = cpuUsPerReturn === undefined || cpuUsPerReturn <= 0 ? '–' : formatNumber(cpuUsPerReturn)
  if (redisCommandsPerReturn === undefined || !name.includes('Redis')) return [cpu, '–']
  return [cpu, Math.max(0, redisCommandsPerReturn).toFixed(2)]
}

function percentilesText(values: Percentiles | undefined): string {
  return values === undefined ? '–' : [values.p50, values.p95, values.p99].map(formatNumber).join(' / ')
}

/** Never 100 % if one is missing. */
export function share(part: number, whole: number): string {
  if (part === whole) return '100 %'
  return `${Math.min(99.99, (part / whole) * 100).toFixed(2)} %`
}

function whole(value: number): string {
  return value.toLocaleString('en-US')
}

function seconds(ms: number): string {
  return (ms / 1000).toFixed(2)
}

function percent(value: number): string {
  return `${Math.round(value * 100)} %`
}

/** A table for a terminal. */
export function alignedText({ head, rows }: TextTable): string {
  const plain = [head, ...rows].map((cells) => cells.map((cell) => cell.replaceAll('**', '')))
  const widths = head.map((_, column) => Math.max(...plain.map((cells) => cells[column]!.length)))
  return plain
    .map((cells) => cells.map((cell, n) => (n === 0 ? cell.padEnd(widths[n]!) : cell.padStart(widths[n]!))).join('  '))
    .join('\n')
}
