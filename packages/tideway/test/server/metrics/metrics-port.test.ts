import { describe, expect, it, onTestFinished } from 'vitest'
import type { Application } from '../../../src/asgi/application.ts'
import { defineApplication } from '../../../src/application/define-application.ts'
import { setTraits } from '../../../src/asgi/application-traits.ts'
import { InMemoryChannelLayer } from '../../../src/layer/in-memory-channel-layer.ts'
import { serve } from '../../../src/server/serve.ts'
import { freePort } from '../../../../../test/setup/free-port.ts'
import { echo } from '../applications.ts'
import { clientFrame } from '../frames.ts'
import { RawClient, requestText } from '../raw-client.ts'
import { eventually, serving } from '../serving.ts'

/** The values of the text format of Prometheus, by name and labels as they stand there. */
function valuesOf(text: string): ReadonlyMap<string, number> {
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'))
  return new Map(lines.map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ')))]))
}

async function get(url: string, init?: RequestInit): Promise<{ status: number; text: string; type: string | null }> {
  const response = await fetch(url, init)
  return { status: response.status, text: await response.text(), type: response.headers.get('content-type') }
}

describe('metricsPort', () => {
  it('serves the server’s and Node’s own metrics at /metrics', async () => {
    const server = await serving({ websocket: echo }, { metricsPort: 0 })
    const client = await RawClient.open(server.port)
    client.write(clientFrame('text', 'hello'))
    await client.frame()
    const { status, text, type } = await get(`${server.metricsUrl}/metrics`)
    expect([status, type]).toEqual([200, 'text/plain; version=0.0.4; charset=utf-8'])
    const values = valuesOf(text)
    expect(values.get('tideway_websockets_open')).toBe(1)
    expect(values.get('tideway_websocket_handshakes_total{outcome="accepted"}')).toBe(1)
    expect(values.get('tideway_websocket_handshakes_total{outcome="too_many_of_address"}')).toBe(0)
    expect(values.get('tideway_websocket_messages_total{direction="received",type="text"}')).toBe(1)
    expect(values.get('tideway_websocket_payload_bytes_total{direction="sent",type="text"}')).toBe(5)
    expect(values.get('tideway_websocket_wire_bytes_total{direction="received"}')).toBe(11)
    expect(values.get('process_cpu_user_seconds_total')).toBeGreaterThan(0)
    client.write(clientFrame('close', Buffer.from([0x03, 0xe8])))
    await eventually(() => server.stats().webSockets.open).toBe(0)
    const after = valuesOf((await get(`${server.metricsUrl}/metrics`)).text)
    expect(after.get('tideway_websockets_open')).toBe(0)
    expect(after.get('tideway_websockets_closed_total{code="1000"}')).toBe(1)
    // A second scrape does not count twice.
    expect(after.get('tideway_websocket_handshakes_total{outcome="accepted"}')).toBe(1)
  })

  it('has one label per thousand of the close codes that clients choose', async () => {
    const server = await serving({ websocket: echo }, { metricsPort: 0 })
    for (const code of [3000, 3001, 4000, 4999]) {
      const client = await RawClient.open(server.port)
      client.write(clientFrame('close', Buffer.from([code >> 8, code & 0xff])))
      await client.over()
    }
    await eventually(() => server.stats().webSockets.open).toBe(0)
    expect(server.stats().webSockets.closed).toEqual({ 3000: 1, 3001: 1, 4000: 1, 4999: 1 })
    const values = valuesOf((await get(`${server.metricsUrl}/metrics`)).text)
    const codes = [...values].filter(([name]) => name.startsWith('tideway_websockets_closed_total'))
    expect(codes).toEqual([
      ['tideway_websockets_closed_total{code="3xxx"}', 2],
      ['tideway_websockets_closed_total{code="4xxx"}', 2],
    ])
  })

  it('has the metrics of the kept groups of each layer', async () => {
    const layer = new InMemoryChannelLayer()
    const websocket = setTraits(echo, { checksOrigin: true })
    const application = defineApplication({ channelLayers: { default: layer }, websocket })
    const server = await serve(application, { port: 0, metricsPort: 0 })
    onTestFinished(() => server.close())
    await layer.keptGroups.publish('g', '1', {}, { id: 'a' })
    await layer.keptGroups.publish('g', '1', {}, { id: 'a' })
    const { cursor } = await layer.keptGroups.follow('g', { onEntry() {}, onVolatile() {}, onReset() {} }, { last: 1 })
    cursor.start()
    const values = valuesOf((await get(`${server.metricsUrl}/metrics`)).text)
    expect(values.get('tideway_log_published_total{layer="default"}')).toBe(1)
    expect(values.get('tideway_log_duplicates_total{layer="default"}')).toBe(1)
    expect(values.get('tideway_log_delivered_total{layer="default"}')).toBe(1)
    expect(values.get('tideway_log_resumes_total{layer="default",result="fresh"}')).toBe(1)
    expect(values.get('tideway_log_resets_total{layer="default",reason="trimmed"}')).toBe(0)
    expect(values.get('tideway_log_followers{layer="default"}')).toBe(1)
    expect(values.get('tideway_log_ring_bytes{layer="default"}')).toBe(1)
    expect(values.get('tideway_log_replayed_total{layer="default",source="ring"}')).toBe(1)
    expect(values.get('tideway_log_replayed_total{layer="default",source="log"}')).toBe(0)
    expect(values.get('tideway_log_epochs_total{layer="default"}')).toBe(0)
    expect(values.get('tideway_log_publish_seconds_count{layer="default"}')).toBe(2)
    expect(values.get('tideway_log_publish_seconds_bucket{layer="default",le="10"}')).toBe(2)
    expect(values.get('tideway_log_publish_seconds_bucket{layer="default",le="+Inf"}')).toBe(2)
    expect(values.get('tideway_log_publish_seconds_sum{layer="default"}')).toBeGreaterThan(0)
  })

  it('has the metrics of presence of each layer', async () => {
    const layer = new InMemoryChannelLayer({ keptGroups: { presence: { diffMs: 1 } } })
    const websocket = setTraits(echo, { checksOrigin: true })
    const application = defineApplication({ channelLayers: { default: layer }, websocket })
    const server = await serve(application, { port: 0, metricsPort: 0 })
    onTestFinished(() => server.close())
    const presence = layer.keptGroups.presence!
    const diffs = new Set<unknown>()
    await presence.watch('g', { onOpen() {}, onDiff: (diff) => void diffs.add(diff) })
    presence.onLeft(() => Promise.reject(new Error('not now')))
    const [anna] = await Promise.all(['anna', 'bo'].map((key) => presence.enter('g', { key, meta: null })))
    anna!.leave({ isFinal: true })
    await eventually(() => layer.stats().keptGroups!.presence).toMatchObject({ members: 1, waitingLeft: 1 })
    await eventually(() => diffs.size).toBeGreaterThan(0)
    const values = valuesOf((await get(`${server.metricsUrl}/metrics`)).text)
    const expected = {
      members: 1,
      groups: 1,
      watched_groups: 1,
      entered_total: 2,
      left_total: 1,
      left_waiting: 1,
      diffs_total: diffs.size,
      dead_processes_total: 0,
      lost_leases_total: 0,
      failed_beats_total: 0,
    }
    for (const [name, value] of Object.entries(expected)) {
      expect([name, values.get(`tideway_presence_${name}{layer="default"}`)]).toEqual([name, value])
    }
  })

  it('names its metrics by the rules of Prometheus', async () => {
    const server = await serving({ websocket: echo }, { metricsPort: 0 })
    const { text } = await get(`${server.metricsUrl}/metrics`)
    const types = [...text.matchAll(/^# TYPE (tideway_\S+) (\S+)$/gm)].map(([, name, type]) => [name!, type!] as const)
    expect(types.length).toBeGreaterThan(15)
    for (const [name, type] of types) expect([name, name.endsWith('_total')]).toEqual([name, type === 'counter'])
    for (const [name] of types) expect(text).toMatch(new RegExp(`^# HELP ${name} \\S`, 'm'))
  })

  it('is ready from the end of the startup to the start of the drain, and always alive', async () => {
    let start: (() => void) | undefined
    const application: Application = async (scope, receive, send) => {
      if (scope.type === 'websocket') return echo(scope, receive as never, send as never)
      if (scope.type !== 'lifespan') throw new Error('There is none.')
      await receive()
      await new Promise<void>((resolve) => (start = resolve))
      await send({ type: 'lifespan.startup.complete' } as never)
      await receive()
      await send({ type: 'lifespan.shutdown.complete' } as never)
    }
    const metricsPort = await freePort()
    const probe = async (path: string): Promise<number> => (await get(`http://127.0.0.1:${metricsPort}${path}`)).status
    const starting = serve(setTraits(application, { checksOrigin: true }), { port: 0, metricsPort })
    await eventually(() => start).toBeDefined()
    await eventually(() => probe('/healthz').catch(() => 0)).toBe(200)
    expect(await probe('/readyz')).toBe(503)
    expect(await probe('/metrics')).toBe(200)
    start!()
    const server = await starting
    expect(await probe('/readyz')).toBe(200)
    const client = await RawClient.open(server.port)
    const closed = server.close(5000)
    expect(await probe('/readyz')).toBe(503)
    expect(await probe('/healthz')).toBe(200)
    expect(valuesOf((await get(`http://127.0.0.1:${metricsPort}/metrics`)).text).get('tideway_draining')).toBe(1)
    client.socket.destroy()
    await closed
    await expect(probe('/healthz')).rejects.toThrow('fetch failed')
  })

  it('serves nothing else, and the port of the application has no metrics', async () => {
    const server = await serving(
      {
        websocket: echo,
        http: async (_scope, _receive, send) => {
          await send({ type: 'http.response.start', status: 404 })
          await send({ type: 'http.response.body' })
        },
      },
      { metricsPort: 0 },
    )
    expect((await get(`${server.metricsUrl}/`)).status).toBe(404)
    expect((await get(`${server.metricsUrl}/metrics`, { method: 'POST', body: 'x' })).status).toBe(405)
    expect((await get(`${server.metricsUrl}/metrics?x=1`)).status).toBe(200)
    expect((await get(`${server.url}/metrics`)).status).toBe(404)
    expect(new URL(server.metricsUrl!).hostname).toBe('127.0.0.1')
  })

  it('refuses a Host on a loopback address that a page can point there', async () => {
    const server = await serving({ websocket: echo }, { metricsPort: 0 })
    const port = Number(new URL(server.metricsUrl!).port)
    const statusFor = async (Host: string): Promise<number> => {
      const client = await RawClient.connect(port)
      client.write(requestText('GET /healthz HTTP/1.1', { Host, Connection: 'close' }))
      return (await client.response()).status
    }
    for (const host of ['127.0.0.1', `localhost:${port}`, 'LOCALHOST.', '[::1]:80'])
      expect(await statusFor(host)).toBe(200)
    for (const host of ['evil.example', '127.0.0.1.evil.example', '']) expect(await statusFor(host)).toBe(400)
  })

  it('rejects the start with its number if it is in use, and leaves no port open', async () => {
    const first = await serving({ websocket: echo }, { metricsPort: 0 })
    const port = await freePort()
    const metricsPort = Number(new URL(first.metricsUrl!).port)
    await expect(
      serve(setTraits(echo as Application, { checksOrigin: true }), { port, metricsPort, lifespan: false }),
    ).rejects.toMatchObject({
      code: 'ERR_CANNOT_LISTEN',
      message: `Cannot listen on 127.0.0.1, port ${metricsPort}, for metrics (EADDRINUSE): choose another metricsPort or metricsHost.`,
    })
    await expect(RawClient.connect(port)).rejects.toThrow('ECONNREFUSED')
  })

  it('is closed if the server cannot listen or the application does not start', async () => {
    const first = await serving({ websocket: echo })
    const metricsPort = await freePort()
    const application = setTraits(echo as Application, { checksOrigin: true })
    await expect(serve(application, { port: first.port, metricsPort, lifespan: false })).rejects.toMatchObject({
      code: 'EADDRINUSE',
    })
    await expect(RawClient.connect(metricsPort)).rejects.toThrow('ECONNREFUSED')
    const failing: Application = async (_scope, _receive, send) => {
      await send({ type: 'lifespan.startup.failed', message: 'meant' } as never)
    }
    await expect(serve(setTraits(failing, { checksOrigin: true }), { port: 0, metricsPort })).rejects.toMatchObject({
      code: 'ERR_STARTUP_FAILED',
    })
    await expect(RawClient.connect(metricsPort)).rejects.toThrow('ECONNREFUSED')
  })

  it.each([-1, 65_536, 1.5, Number.NaN])('rejects %s', async (metricsPort) => {
    await expect(
      serve(setTraits(echo as Application, { checksOrigin: true }), { port: 0, metricsPort }),
    ).rejects.toMatchObject({
      code: 'ERR_BAD_OPTION',
    })
  })
})
