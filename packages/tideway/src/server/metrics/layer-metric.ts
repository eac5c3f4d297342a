import type { ChannelLayerFigures, DurationFigures } from '../observe/server-stats.ts'
import type { DurationMetric, Metric } from './metric.ts'

/** A metric with one value for each layer. A layer whose value is `undefined` has none. */
export function ofLayers(
  type: Metric['type'],
  name: string,
  help: string,
  valueOf: (layer: ChannelLayerFigures) => number | undefined,
): Metric {
  return {
    name,
    help,
    type,
    labelNames: ['layer'],
    *read({ channelLayers }) {
      for (const [layer, figures] of Object.entries(channelLayers)) {
        const value = valueOf(figures)
        if (value !== undefined) yield [{ layer }, value]
      }
    },
  }
}

/** A counter with one value for each layer and each name in `countsOf`, which is the value of the label. */
export function ofLayersBy(
  label: string,
  name: string,
  help: string,
  countsOf: (layer: ChannelLayerFigures) => Readonly<Record<string, number>> | undefined,
): Metric {
  return {
    name,
    help,
    type: 'counter',
    labelNames: ['layer', label],
    *read({ channelLayers }) {
      for (const [layer, figures] of Object.entries(channelLayers)) {
        for (const [value, count] of Object.entries(countsOf(figures) ?? {})) yield [{ layer, [label]: value }, count]
      }
    },
  }
}

/** A histogram with one series for each layer. */
export function durationsOfLayers(
  name: string,
  help: string,
  durationsOf: (layer: ChannelLayerFigures) => DurationFigures | undefined,
): DurationMetric {
  return {
    name,
    help,
    *read({ channelLayers }) {
      for (const [layer, figures] of Object.entries(channelLayers)) {
        const durations = durationsOf(figures)
        if (durations !== undefined) yield [{ layer }, durations]
      }
    },
  }
}
