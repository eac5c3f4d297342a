import { setTimeout as delay } from 'node:timers/promises'

import { afterEach, beforeEach, describe, expect, it } from 'vitest'

import { startProgram } from '../../../test/setup/child-process.ts'
import { describeWith } from '../../../test/setup/describe-with.ts'
import { compileProgram } from '../../../test/setup/compiled.ts'
import { patiently } from '../../../test/setup/patiently.ts'
import { RedisChannelLayer, RedisPubSubChannelLayer, type RedisLayerOptions } from '../src/index.ts'
import { RedisServer } from './redis-server.ts'

/** The number of rounds of each fault. */
const ROUNDS = Number(process.env['TIDEWAY_CHAOS_ROUNDS'] ?? 1)
const rounds = Array.from({ length: ROUNDS }, (_, round) => round + 1)

const layers = { RedisPubSubChannelLayer, RedisChannelLayer }
type Kind = keyof typeof layers
type Layer = RedisPubSubChannelLayer | RedisChannelLayer

const hasty = { heartbeatIntervalMs: 300, commandTimeoutMs: 400, maxReconnectDelayMs: 100 }

/** The number of kills per test. */
const KILLS = 6

const faults: readonly (readonly [name: string, cause: (server: RedisServer) => Promise<unknown>])[] = [
  ['connections for commands are killed', (server) => killAgain(server, ['TYPE', 'normal'])],
  ['connections for pub/sub are killed', (server) => killAgain(server, ['TYPE', 'pubsub'])],
  ['single connections are killed', killOneByOne],
  ['Redis restarts', (server) => server.crash().then(() => server.run())],
  [
    'Redis sleeps for longer than commands and heartbeats may take',
    (server) => server.client.call('DEBUG', 'SLEEP', '0.7'),
  ],
]

/** A process that sends to its own group. */
interface Peer {
  readonly layer: Layer
  readonly name: string
  readonly received: string[]
  /** The send time of each message. */
  readonly sentAt: number[]
  /** The time of the last gap event. */
  gapAt: number
}

describeWith(['redis'], 'Redis layers under faults', () => {
  let server: RedisServer
  let made: Layer[] = []

  beforeEach(async () => {
    server = await RedisServer.start('--enable-debug-command', 'yes')
  })
  afterEach(async () => {
    await Promise.all(made.map((layer) => layer.close()))
    made = []
    await server.stop()
  })

  async function makePeer(kind: Kind, name: string, options: RedisLayerOptions): Promise<Peer> {
    const layer = new layers[kind]({ ...hasty, ...options, hosts: [server.url] })
    made.push(layer)
    const peer: Peer = { layer, name, received: [], sentAt: [], gapAt: 0 }
    layer.on('gap', () => (peer.gapAt = performance.now()))
    const channel = layer.newChannel()
    layer.attach(channel, {
      deliver(message) {
        peer.received.push(`${message['from'] as string}-${message['number'] as number}`)
        return 'delivered'
      },
    })
    await layer.groupAdd('room', channel)
    return peer
  }

  /** Returns the id of the message. */
  async function send(peer: Peer): Promise<string> {
    const number = peer.sentAt.push(performance.now()) - 1
    await peer.layer.groupSend('room', { type: 'n', from: peer.name, number })
    return `${peer.name}-${number}`
  }

  describe.each(rounds)('in round %i', () => {
    describe.each(Object.keys(layers) as Kind[])('under %s', (kind) => {
      it.each(faults)('emit gap in each process that lost messages when %s', async (_, cause) => {
        // The first and the last do not wait for an unreachable Redis.
        const peers = [
          await makePeer(kind, 'first', { waitWhileDownMs: 0 }),
          await makePeer(kind, 'second', {}),
          await makePeer(kind, 'third', { waitWhileDownMs: 0 }),
        ]
        const sends: Promise<string>[] = []
        const fault = { isOver: false }
        const over = cause(server).then(() => (fault.isOver = true))
        while (!fault.isOver || peers.some(({ sentAt }) => sentAt.length < 100)) {
          for (const peer of peers) sends.push(send(peer))
          await delay(2)
        }
        await Promise.all([over, ...sends])
        await Promise.all(peers.map(({ layer }) => patiently(() => layer.ready())))
        await patiently(async () => {
          const last = await Promise.all(peers.map(send))
          // Messages may also be lost before the loss of the connection is detected.
          const hasAll = (): boolean => peers.every(({ received }) => last.every((id) => received.includes(id)))
          await expect.poll(hasAll, { timeout: 1000 }).toBe(true)
        })
        const sent = peers.flatMap(({ name, sentAt }) => sentAt.map((at, number) => ({ id: `${name}-${number}`, at })))
        await patiently(() => {
          const unreported = peers.map(({ received, gapAt }) => {
            const has = new Set(received)
            return sent.filter(({ id, at }) => !has.has(id) && at > gapAt)
          })
          expect(unreported).toEqual([[], [], []])
        })
        for (const { received } of peers) expect(received).toHaveLength(new Set(received).size)
      })
    })

    it('emit gap in a process that was stopped for longer than its lease', async () => {
      const leaseMs = 600
      const listener = compileProgram(new URL('fixture/listener.ts', import.meta.url))
      const args = [listener, server.url, `${leaseMs}`]
      const program = await startProgram(process.execPath, args, { ready: /joined/ })
      const sender = new RedisChannelLayer({ leaseMs, hosts: [server.url] })
      made.push(sender)
      let sent = 0
      process.kill(program.pid, 'SIGSTOP')
      do {
        await sender.groupSend('room', { type: 'n', number: sent++ })
        await delay(5)
      } while (sent < 100 || (await server.client.exists('asgi:group:room')) === 1)
      process.kill(program.pid, 'SIGCONT')
      const report = await patiently(async () => {
        await sender.groupSend('room', { type: 'report' })
        const [line] = /\{.*\}\n$/.exec(program.output()) ?? []
        const printed = JSON.parse(line ?? '{}') as { readonly received?: number; readonly gaps?: readonly string[][] }
        expect(printed.gaps?.[0]).toEqual(['room'])
        return printed
      })
      await program.stop()
      expect(report.received).toBeLessThan(sent)
    })
  })
})

async function killAgain(server: RedisServer, filter: readonly string[]): Promise<void> {
  for (let kill = 0; kill < KILLS; kill++) {
    await server.client.call('CLIENT', 'KILL', ...filter, 'SKIPME', 'yes')
    await delay(60)
  }
}

async function killOneByOne(server: RedisServer): Promise<void> {
  for (let kill = 0; kill < 2 * KILLS; kill++) {
    const ids = ((await server.client.call('CLIENT', 'LIST')) as string)
      .split('\n')
      .filter((line) => line.includes('name=tideway-'))
      .map((line) => /\bid=(\d+)/.exec(line)![1]!)
    if (ids.length > 0) {
      const id = ids[Math.floor(Math.random() * ids.length)]!
      await server.client.call('CLIENT', 'KILL', 'ID', id).catch(() => {})
    }
    await delay(40)
  }
}
