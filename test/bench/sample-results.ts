import type { Figure, Results, Row } from '../../bench/src/results.ts'

export function figure(name: string, values: readonly number[], more: Partial<Figure> = {}): Figure {
  return { name, values, serverBusy: 1, loadBusy: 0.5, perSecond: 1000, ...more }
}

export function row(more: Partial<Row> = {}): Row {
  return {
    id: 'fanout-8',
    title: 'fan-out',
    unit: 'µs a delivery',
    better: 'lower',
    figures: [figure('tideway', [2, 1, 3]), figure('ws', [8, 9, 10]), figure('Channels', [100])],
    targets: [{ name: 'tideway', factor: 0.25, against: { name: 'ws' } }],
    ...more,
  }
}

export function results(more: Partial<Results> = {}): Results {
  return {
    date: '2026-03-04T05:06:07.000Z',
    machine: {
      processor: 'a processor',
      processors: 2,
      memoryGiB: 8,
      system: 'Linux 1.2.3',
      node: 'v20.20.2',
      isPinned: true,
      loadAverage: 0.1,
    },
    versions: { tideway: '0.1.0', ws: '8.0.0' },
    runs: 3,
    seconds: 1.5,
    minutes: 2.4,
    rows: [row()],
    skipped: [],
    ...more,
  }
}
