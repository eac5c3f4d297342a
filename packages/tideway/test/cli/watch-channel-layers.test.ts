import { EventEmitter } from 'node:events'
import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest'
import { RedisServer } from '../../../redis/test/redis-server.ts'
import { describeWith } from '../../../../test/setup/describe-with.ts'
import type { LayerFinding } from '../../src/layer/channel-layer.ts'
import { watchChannelLayers, type WatchedLayer } from '../../src/cli/watch-channel-layers.ts'
import { Command, fixture } from './command.ts'

describe('watchChannelLayers', () => {
  beforeEach(() => void vi.useFakeTimers())
  afterEach(() => void vi.useRealTimers())

  /** Watches a layer, and collects what is logged. */
  function watch(layer: WatchedLayer): string[] {
    const lines: string[] = []
    const warn = (_details: object, message: string): void => void lines.push(message)
    const stop = watchChannelLayers({ default: layer }, { logger: { debug() {}, info() {}, warn, error() {} } })
    onTestFinished(stop)
    return lines
  }

  const host = 'redis://127.0.0.1:6399'

  it('logs a lost host at once, every minute of the outage, and at the reconnect', async () => {
    const layer = new EventEmitter()
    const lines = watch(layer)
    layer.emit('disconnected', { host, error: new Error('read ECONNRESET') })
    expect(lines.splice(0)).toEqual([
      `Channel layer "default": ${host} cannot be reached any more (read ECONNRESET). Trying again.`,
    ])
    await vi.advanceTimersByTimeAsync(59_999)
    expect(lines).toEqual([])
    await vi.advanceTimersByTimeAsync(60_001)
    expect(lines.splice(0)).toEqual([
      `Channel layer "default": ${host} has been unreachable for 60.0 s. Trying again.`,
      `Channel layer "default": ${host} has been unreachable for 120.0 s. Trying again.`,
    ])
    layer.emit('reconnected', { host, gap: false, downMs: 121_000 })
    await vi.advanceTimersByTimeAsync(600_000)
    expect(lines).toEqual([`Channel layer "default": ${host} is back after 121.0 s. No message was lost.`])
  })

  it('logs the findings of a layer that cannot connect at startup, every minute, and then that it is connected', async () => {
    const problem: LayerFinding = { check: 'a', level: 'problem', found: 'Redis cannot be reached (ECONNREFUSED).' }
    const { promise, connect } = connection()
    const lines = watch({ ready: () => promise, diagnose: async () => [problem, { ...problem, level: 'ok' }] })
    await vi.advanceTimersByTimeAsync(999)
    expect(lines).toEqual([])
    await vi.advanceTimersByTimeAsync(60_001)
    const line = 'Channel layer "default": Redis cannot be reached (ECONNREFUSED). Trying again.'
    expect(lines.splice(0)).toEqual([line, line])
    connect()
    await vi.advanceTimersByTimeAsync(600_000)
    expect(lines).toEqual(['Channel layer "default" is connected.'])
  })

  it('logs the group and the reason if the log of a kept group cannot be read', () => {
    const layer = new EventEmitter()
    const lines = watch(layer)
    layer.emit('readFailed', { group: 'room', error: new Error('WRONGTYPE') })
    expect(lines).toEqual([
      'Channel layer "default": the log of the group "room" cannot be read (WRONGTYPE). Trying again.',
    ])
  })

  it('logs the first gap at once with its number of groups and its reason, and later ones in one line per minute', async () => {
    const layer = new EventEmitter()
    const lines = watch(layer)
    layer.emit('gap', { host, groups: ['a', 'b'], reason: 'dropped' })
    expect(lines.splice(0)).toEqual([
      `Channel layer "default": 2 groups of this process missed messages of ${host} (dropped).`,
    ])
    layer.emit('gap', { host, groups: ['a'], reason: 'dropped' })
    layer.emit('gap', { host, groups: ['a', 'b', 'c'], reason: 'removed' })
    layer.emit('gap', { host: 'redis://other:6379', groups: ['d'], reason: 'disconnected' })
    expect(lines.splice(0)).toEqual([
      'Channel layer "default": 1 group of this process missed messages of redis://other:6379 (disconnected).',
    ])
    await vi.advanceTimersByTimeAsync(60_000)
    layer.emit('gap', { host, groups: ['a'], reason: 'dropped' })
    expect(lines.splice(0)).toEqual([
      `Channel layer "default": this process missed messages of ${host} 2 more times in the last 60.0 s, in up to 3 groups (dropped, removed).`,
    ])
    await vi.advanceTimersByTimeAsync(600_000)
    expect(lines.splice(0)).toEqual([
      `Channel layer "default": this process missed messages of ${host} 1 more time in the last 60.0 s, in up to 1 group (dropped).`,
    ])
    expect(vi.getTimerCount()).toBe(0)
  })

  it('logs nothing about a layer that connects in time, has no server, or was closed by the application', async () => {
    const closed = Object.assign(new Error('closed'), { code: 'ERR_LAYER_CLOSED' })
    const lines = [{ ready: async () => {} }, {}, { ready: () => Promise.reject(closed) }].map((layer) => watch(layer))
    await vi.advanceTimersByTimeAsync(600_000)
    expect(lines).toEqual([[], [], []])
    expect(vi.getTimerCount()).toBe(0)
  })
})

/** A connection that is made when the test says so. */
function connection(): { promise: Promise<void>; connect: () => void } {
  let connect = (): void => {}
  const promise = new Promise<void>((resolve) => {
    connect = resolve
  })
  return { promise, connect: () => connect() }
}

describeWith(['redis'], 'tideway serve with a lost Redis', () => {
  it.each(['pubsub', 'redis'])(
    'logs that the layer (%s) cannot be reached, at the start and later, and that it is back, without its password',
    async (kind) => {
      const server = await RedisServer.start('--requirepass', 'SECRET')
      onTestFinished(() => server.stop())
      await server.crash()
      const { port } = server
      const command = new Command(['serve', fixture('redis/application.ts'), '--port', '0'], {
        env: { REDIS_URL: `redis://:SECRET@127.0.0.1:${port}`, CHANNEL_LAYER: kind },
      })
      await command.url()
      await command.says(
        /^Channel layer "default": Redis at redis:\/\/127\.0\.0\.1:\d+ cannot be reached \(.*ECONNREFUSED.*\)\. Trying again\.$/m,
      )
      await server.run()
      await command.says(/^Channel layer "default" is connected\.$/m)
      await server.crash()
      await command.says(
        /^Channel layer "default": redis:\/\/127\.0\.0\.1:\d+ cannot be reached any more.*\. Trying again\.$/m,
      )
      await server.run()
      await command.says(
        /^Channel layer "default": redis:\/\/127\.0\.0\.1:\d+ is back after \d+\.\d s\. Messages may have been lost\.$/m,
      )
      command.process.kill('SIGTERM')
      expect(await command.exitCode()).toBe(0)
      expect(command.output).not.toContain('SECRET')
    },
  )
})
