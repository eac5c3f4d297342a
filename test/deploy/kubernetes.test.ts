import { describe, expect, it } from 'vitest'
import { parseAllDocuments } from 'yaml'

import { DEFAULT_EXIT_TIMEOUT_MS } from '../../packages/tideway/src/cli/serve-program.ts'
import { mostToStopMs } from '../../packages/tideway/src/cli/serve-process.ts'
import { serverDefaults } from '../../packages/tideway/src/server/options.ts'
import { filesBelow, read } from '../architecture/source-files.ts'
import { parseDockerfile } from './dockerfile.ts'

/** As much of an object of Kubernetes as is looked at here. */
interface Resource {
  readonly kind: string
  readonly apiVersion: string
  readonly metadata: { readonly name: string; readonly annotations?: Readonly<Record<string, string>> }
  readonly spec: Spec
}

interface Spec {
  readonly podSelector?: { readonly matchLabels?: Labels }
  readonly ingress?: readonly object[]
  readonly replicas?: number
  readonly minReplicas?: number
  readonly maxUnavailable?: number
  readonly sessionAffinity?: string
  readonly strategy?: { readonly rollingUpdate?: { readonly maxUnavailable: number } }
  readonly selector: { readonly app?: string; readonly matchLabels?: Labels }
  readonly scaleTargetRef: { readonly kind: string; readonly name: string }
  readonly template: { readonly metadata: { readonly labels: Labels }; readonly spec: Pod }
  readonly ports: readonly { readonly name: string; readonly targetPort: string }[]
  readonly rules: readonly {
    readonly http: { readonly paths: readonly { readonly path: string; readonly backend: Backend }[] }
  }[]
}

type Labels = Readonly<Record<string, string>>

interface Backend {
  readonly service: { readonly name: string; readonly port: { readonly name: string } }
}

interface Pod {
  readonly terminationGracePeriodSeconds: number
  readonly securityContext: { readonly runAsNonRoot: boolean }
  readonly containers: readonly Container[]
  readonly volumes?: readonly { readonly name: string }[]
}

interface Probe {
  readonly httpGet?: { readonly path: string; readonly port: string }
  readonly tcpSocket?: { readonly port: string }
  readonly periodSeconds: number
  readonly failureThreshold: number
}

interface Container {
  readonly image: string
  readonly args: readonly string[]
  readonly ports: readonly { readonly name: string; readonly containerPort: number }[]
  readonly env: readonly { readonly name: string; readonly value?: string }[]
  readonly readinessProbe: Probe
  readonly livenessProbe: Probe
  readonly startupProbe: Probe
  readonly lifecycle: { readonly preStop: { readonly exec: { readonly command: readonly [string, string] } } }
  readonly volumeMounts?: readonly { readonly name: string }[]
}

const resources = filesBelow(['deploy/kubernetes'], /\.yaml$/).flatMap((file) =>
  parseAllDocuments(read(file)).map((document) => {
    if (document.errors.length > 0) throw new Error(`${file}: ${document.errors.join()}`)
    return document.toJS() as Resource
  }),
)

function find(kind: string, name: string): Resource {
  const found = resources.find((one) => one.kind === kind && one.metadata.name === name)
  if (found === undefined) throw new Error(`There is no ${kind} ${name}.`)
  return found
}

/** The value of a flag in the arguments of a container. */
const flagOf = ({ args }: Container, name: string): string | undefined =>
  args.find((one) => one.startsWith(`--${name}=`))?.slice(name.length + 3)

describe('deploy/kubernetes', () => {
  const { spec } = find('Deployment', 'tideway')
  const pod = spec.template.spec
  const container = pod.containers[0]!
  const port = flagOf(container, 'port')
  const readinessPath = flagOf(container, 'readiness-path')

  it('waits longer before it kills than preStop and tideway serve take', () => {
    const { command } = container.lifecycle.preStop.exec
    const stopMs = Number(command[1]) * 1000 + mostToStopMs({}, DEFAULT_EXIT_TIMEOUT_MS)
    expect(pod.terminationGracePeriodSeconds * 1000).toBeGreaterThan(stopMs)
    expect(
      find('Deployment', 'tideway-worker').spec.template.spec.terminationGracePeriodSeconds * 1000,
    ).toBeGreaterThan(DEFAULT_EXIT_TIMEOUT_MS)
  })

  it('removes a stopping pod before the end of its drain', () => {
    const { httpGet, periodSeconds, failureThreshold } = container.readinessProbe
    expect(httpGet).toEqual({ path: readinessPath, port: 'http' })
    expect(periodSeconds * failureThreshold * 1000).toBeLessThan(serverDefaults.drainTimeoutMs)
    expect(container.startupProbe.httpGet).toEqual(httpGet)
  })

  it('does not take a pod that drains for dead', () => {
    expect(container.livenessProbe.httpGet?.path).not.toBe(readinessPath)
    expect(container.livenessProbe.tcpSocket).toEqual({ port: 'http' })
  })

  it('probes and serves the port that tideway listens on', () => {
    expect(container.ports).toEqual([{ name: 'http', containerPort: Number(port) }])
    expect(find('Service', 'tideway').spec.ports[0]!.targetPort).toBe('http')
  })

  it('runs the programs of the image, without root', () => {
    const command = JSON.parse(
      parseDockerfile(read('deploy/Dockerfile'))
        .at(-1)!
        .instructions.find(({ name }) => name === 'CMD')!.rest,
    ) as string[]
    for (const name of ['tideway', 'tideway-worker']) {
      const { containers, securityContext } = find('Deployment', name).spec.template.spec
      expect(containers[0]!.args[1]).toBe(command[1])
      expect(containers[0]!.args).toContain(command[3])
      expect(securityContext.runAsNonRoot).toBe(true)
    }
  })

  it('sets variables that the chat reads, and no other', () => {
    const sources = filesBelow(['examples/chat/src'], /\.ts$/).map(read).join('\n')
    const names = container.env.map(({ name }) => name)
    // Kubernetes puts the password into the URL.
    const others = names.filter((name) => name !== 'REDIS_PASSWORD')
    expect(others.filter((name) => !new RegExp(`\\b${name}\\b`).test(sources))).toEqual([])
  })

  it('gives Redis a password, and the same one to each of its clients', () => {
    const url = `redis://:$(REDIS_PASSWORD)@${find('Service', 'redis').metadata.name}:6379`
    const secret = { secretKeyRef: { name: 'tideway', key: 'redis-password' } }
    for (const name of ['tideway', 'tideway-worker', 'redis']) {
      const { env } = find('Deployment', name).spec.template.spec.containers[0]!
      expect(env, name).toContainEqual({ name: 'REDIS_PASSWORD', valueFrom: secret })
    }
    for (const name of ['tideway', 'tideway-worker']) {
      const { env } = find('Deployment', name).spec.template.spec.containers[0]!
      expect(env, name).toContainEqual({ name: 'REDIS_URL', value: url })
    }
    const { args } = find('Deployment', 'redis').spec.template.spec.containers[0]!
    expect(args.join()).toContain('requirepass $REDIS_PASSWORD')
  })

  it('has a policy of the network for every Deployment', () => {
    const policies = resources.filter(({ kind }) => kind === 'NetworkPolicy')
    const selected = policies.map(({ spec: { podSelector } }) => podSelector?.matchLabels?.['app'])
    const deployments = resources.filter(({ kind }) => kind === 'Deployment').map(({ metadata }) => metadata.name)
    expect(new Set(selected)).toEqual(new Set(deployments))
    expect(find('NetworkPolicy', 'tideway').spec.ingress).toEqual([
      { from: [{ namespaceSelector: expect.anything() as object }], ports: [{ protocol: 'TCP', port: 'http' }] },
    ])
  })

  it('trusts the pod network only, and not all private addresses', () => {
    expect(flagOf(container, 'trusted-proxies')).toMatch(/^\d+\.\d+\.\d+\.\d+\/(?:1[6-9]|2\d|3[0-2])$/)
  })

  it('selects pods that are there, and sends no client to the same pod on purpose', () => {
    const labels = resources.filter(({ kind }) => kind === 'Deployment').map((one) => one.spec.template.metadata.labels)
    for (const { kind, spec: its, metadata } of resources) {
      if (its.selector === undefined) continue
      expect(labels, `${kind} ${metadata.name}`).toContainEqual(its.selector.matchLabels ?? its.selector)
    }
    expect(resources.filter((one) => one.spec.sessionAffinity !== undefined)).toEqual([])
    expect(JSON.stringify(find('Ingress', 'chat'))).not.toMatch(/affinity|cookie/)
  })

  it('keeps more than one pod, in updates, when nodes are emptied, and when nothing happens', () => {
    const scaler = find('HorizontalPodAutoscaler', 'tideway').spec
    expect(scaler.scaleTargetRef).toMatchObject({ kind: 'Deployment', name: 'tideway' })
    expect(scaler.minReplicas).toBeGreaterThan(find('PodDisruptionBudget', 'tideway').spec.maxUnavailable!)
    expect(spec.replicas).toBeUndefined()
    expect(spec.strategy!.rollingUpdate!.maxUnavailable).toBe(0)
  })

  it('has an ingress that waits longer than tideway between two pings, and leads to Services that are there', () => {
    const { metadata, spec: its } = find('Ingress', 'chat')
    const { annotations = {} } = metadata
    for (const side of ['read', 'send']) {
      const seconds = Number(annotations[`nginx.ingress.kubernetes.io/proxy-${side}-timeout`])
      expect(seconds * 1000).toBeGreaterThan(serverDefaults.pingIntervalMs as number)
    }
    for (const { backend } of its.rules[0]!.http.paths) {
      const ports = find('Service', backend.service.name).spec.ports.map(({ name }) => name)
      expect(ports).toContain(backend.service.port.name)
    }
  })

  it('mounts volumes that are there', () => {
    for (const { spec: its, kind } of resources) {
      if (kind !== 'Deployment') continue
      const { containers, volumes = [] } = its.template.spec
      const mounted = containers.flatMap(({ volumeMounts = [] }) => volumeMounts.map(({ name }) => name))
      expect(mounted.toSorted()).toEqual(volumes.map(({ name }) => name).toSorted())
    }
  })
})
