import { execFileSync, spawnSync } from 'node:child_process'
import { beforeAll, describe, expect, it } from 'vitest'
import { parse } from 'yaml'

import { defineApplication } from '../../packages/tideway/src/application/define-application.ts'
import { setTraits } from '../../packages/tideway/src/asgi/application-traits.ts'
import { InMemoryChannelLayer } from '../../packages/tideway/src/layer/in-memory-channel-layer.ts'
import { serve } from '../../packages/tideway/src/server/serve.ts'
import { read } from '../architecture/source-files.ts'

const RULES = 'deploy/prometheus/alerts.yaml'

interface Target {
  readonly expr: string
}

interface Panel {
  readonly id: number
  readonly type: string
  readonly title: string
  readonly targets?: readonly Target[]
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number }
}

interface Rule {
  readonly alert: string
  readonly expr: string
  readonly labels: { readonly severity: string }
  readonly annotations: { readonly summary: string; readonly description: string }
}

const { panels } = JSON.parse(read('deploy/grafana/tideway.json')) as { panels: readonly Panel[] }
const { groups } = parse(read(RULES)) as { groups: readonly { readonly rules: readonly Rule[] }[] }
const rules = groups.flatMap((group) => group.rules)
const queries = panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr))

/** The types of the metrics that a server with a layer has, by their names. */
let types: ReadonlyMap<string, string>
/** The values of each label of a metric: `name label`. */
let labelValues: ReadonlyMap<string, ReadonlySet<string>>

beforeAll(async () => {
  const websocket = setTraits(async () => {}, { checksOrigin: true })
  const application = defineApplication({ channelLayers: { default: new InMemoryChannelLayer() }, websocket })
  const server = await serve(application, { port: 0, metricsPort: 0 })
  const text = await (await fetch(`${server.metricsUrl}/metrics`)).text()
  await server.close()
  types = new Map([...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(([, name, type]) => [name!, type!]))
  const values = new Map<string, Set<string>>()
  for (const [, name, labels] of text.matchAll(/^(\w+)\{(.*)\} /gm)) {
    for (const [, label, value] of labels!.matchAll(/(\w+)="([^"]*)"/g)) {
      const key = `${name} ${label}`
      values.set(key, (values.get(key) ?? new Set()).add(value!))
    }
  }
  labelValues = values
})

/** The metrics that an expression reads, with the counters of a histogram under the name of the histogram. */
function metricsOf(expression: string): string[] {
  const names = expression.match(/\b(?:tideway|nodejs|process)_\w+/g) ?? []
  return names.map((name) => name.replace(/_seconds_(?:bucket|sum|count)$/, '_seconds'))
}

/** The expressions that select label values which no server has, such as a misspelt reason. */
function unknownLabels(expression: string): string[] {
  return [...expression.matchAll(/\b(tideway_\w+)\{([^}]*)\}/g)].flatMap(([, name, matchers]) =>
    [...matchers!.matchAll(/(result|reason|direction)(?:=~|!~|!=|=)"([^"]*)"/g)].flatMap(([, label, pattern]) =>
      pattern!.split('|').flatMap((value) => {
        const known = labelValues.get(`${name} ${label}`)
        return known?.has(value) === true ? [] : [`${name}{${label}="${value}"}`]
      }),
    ),
  )
}

describe('the dashboard of Grafana', () => {
  it('reads only metrics and labels that a server has', () => {
    expect(queries.length).toBeGreaterThan(40)
    expect(queries.flatMap(metricsOf).filter((name) => !types.has(name))).toEqual([])
    expect(queries.flatMap(unknownLabels)).toEqual([])
    expect(queries.filter((query) => metricsOf(query).length === 0)).toEqual([])
  })

  it('shows every metric of kept groups and presence', () => {
    const shown = new Set(queries.flatMap(metricsOf))
    const ofLogs = [...types.keys()].filter((name) => /^tideway_(?:log|presence)_/.test(name))
    expect(ofLogs.length).toBeGreaterThan(15)
    expect(ofLogs.filter((name) => !shown.has(name))).toEqual([])
  })

  it('reads counters as rates or increases, and gauges as they are', () => {
    const wrong = queries.flatMap((query) =>
      metricsOf(query).filter((name) => {
        const isRate = new RegExp(`(?:rate|increase)\\(${name}\\b`).test(query)
        return types.get(name) === 'histogram' ? !query.includes('_bucket') : isRate !== (types.get(name) === 'counter')
      }),
    )
    expect(wrong).toEqual([])
  })

  it('has panels with different ids that do not overlap', () => {
    expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length)
    const cells = panels.flatMap(({ gridPos: { x, y, w, h } }) =>
      Array.from({ length: w * h }, (_, i) => `${x + (i % w)} ${y + Math.floor(i / w)}`),
    )
    expect(new Set(cells).size).toBe(cells.length)
  })
})

describe('the alert rules of Prometheus', () => {
  it('read only metrics and labels that a server has', () => {
    const expressions = rules.map(({ expr }) => expr)
    expect(expressions.flatMap(metricsOf).filter((name) => !types.has(name))).toEqual([])
    expect(expressions.flatMap(unknownLabels)).toEqual([])
  })

  it('cover each reason for a lost position', () => {
    const all = rules.map(({ expr }) => expr).join('\n')
    for (const reason of labelValues.get('tideway_log_resets_total reason')!) expect(all).toContain(reason)
  })

  it('have a severity, a summary and an advice, and are in the guide', () => {
    const guide = read('docs/guides/observability.md')
    for (const { alert, labels, annotations } of rules) {
      expect(['warning', 'critical']).toContain(labels.severity)
      expect(annotations.summary.length * annotations.description.length).toBeGreaterThan(0)
      expect(guide).toContain(`\`${alert}\``)
    }
  })

  const hasPromtool = spawnSync('promtool', ['--version']).status === 0
  it.skipIf(!hasPromtool)('are valid for promtool', () => {
    expect(execFileSync('promtool', ['check', 'rules', RULES], { encoding: 'utf8' })).toContain('SUCCESS')
  })
})
