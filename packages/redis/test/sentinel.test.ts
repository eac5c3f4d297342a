import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { describeChannelLayer, describeEventLog, describePresenceStore } from 'tideway/layer/contract'

import { startProgram, type RunningProgram } from '../../../test/setup/child-process.ts'
import { describeWith, programPath } from '../../../test/setup/describe-with.ts'
import { freePort } from '../../../test/setup/free-port.ts'
import { patiently } from '../../../test/setup/patiently.ts'
import { RedisChannelLayer, RedisPubSubChannelLayer, type RedisHost, type RedisLayerOptions } from '../src/index.ts'
import { logOf, type LayerLog } from './log/log-layers.ts'
import { redisCli, RedisServer } from './redis-server.ts'

const layers = { RedisPubSubChannelLayer, RedisChannelLayer }
type Kind = keyof typeof layers
type Layer = RedisPubSubChannelLayer | RedisChannelLayer
const kinds = Object.keys(layers) as Kind[]

describeWith(['redis'], 'Redis layers behind Sentinels', () => {
  let master: RedisServer
  let replica: RedisServer
  let sentinels: Sentinel[] = []
  let host: RedisHost
  let prefixes = 0
  const prefixOf = new WeakMap<Layer, string>()

  beforeAll(async () => {
    master = await RedisServer.start('--repl-diskless-sync-delay', '0')
    replica = await RedisServer.start('--replicaof', `127.0.0.1 ${master.port}`)
    await said(() => replica.client.info('replication'), /master_link_status:up/)
    sentinels = await Promise.all([1, 2, 3].map(() => startSentinel(master.port)))
    for (const { port } of sentinels) {
      const info = (): Promise<string> => redisCli('-p', String(port), 'sentinel', 'master', 'main')
      await said(info, /num-slaves\n1\n[^]*num-other-sentinels\n2\n/)
    }
    host = { sentinels: sentinels.map(({ port }) => ['127.0.0.1', port]), masterName: 'main' }
  })
  afterAll(async () => {
    await Promise.all([...sentinels, master, replica].map((server) => server?.stop()))
  })

  /** On a busy machine the Sentinels may have failed over before. */
  async function currentMaster(): Promise<RedisServer> {
    const [, port] = (await redisCli('-p', String(sentinels[0]!.port), 'sentinel', 'get-master-addr-by-name', 'main'))
      .trim()
      .split('\n')
    return [master, replica].find((server) => server.port === Number(port))!
  }

  async function makeLayer(kind: Kind, options: RedisLayerOptions, prefix: string): Promise<Layer> {
    const settings = { heartbeatIntervalMs: 1000, commandTimeoutMs: 5000, maxReconnectDelayMs: 200 }
    const layer = new layers[kind]({ ...settings, ...options, prefix, hosts: [host] })
    prefixOf.set(layer, prefix)
    // A receiver throws in one test of the contract.
    layer.on('receiverFailed', () => {})
    await layer.ready()
    return layer
  }

  it('reconnect to the new master after a failover', async () => {
    const pairs = await Promise.all(
      kinds.map(async (kind) => [await makeLayer(kind, {}, kind), await makeLayer(kind, {}, kind)] as const),
    )
    try {
      const waiting = await Promise.all(
        pairs.map(async ([layer, sender]) => {
          const channel = layer.newChannel()
          await layer.groupAdd('room', channel)
          const job = layer.receive('jobs')
          const back = [layer, sender].map((one) => new Promise((resolve) => one.on('reconnected', resolve)))
          return { layer, sender, channel, job, back: Promise.all(back) }
        }),
      )
      await (await currentMaster()).crash()
      for (const { layer, sender, channel, job, back } of waiting) {
        expect(await back).toMatchObject([{ host: 'sentinel:main', gap: true }, { host: 'sentinel:main' }])
        await sender.groupSend('room', { type: 'grouped' })
        expect(await layer.receive(channel)).toEqual({ type: 'grouped' })
        await sender.send(channel, { type: 'direct' })
        expect(await layer.receive(channel)).toEqual({ type: 'direct' })
        await sender.send('jobs', { type: 'job' })
        expect(await job).toEqual({ type: 'job' })
      }
    } finally {
      await Promise.all(pairs.flat().map((one) => one.close()))
    }
  }, 120_000)

  // A host behind Sentinels differs from another one in how its address is found. All commands of the layers, the event log
  // and presence use the same connections, so one kind of layer tests each contract on them.
  describeChannelLayer<Layer>(
    'RedisPubSubChannelLayer after the failover',
    (options) => makeLayer('RedisPubSubChannelLayer', options, `s${prefixes++}`),
    {
      runner: { describe, it },
      // On a busy machine 100 ms is too short.
      expiry: 0.5,
      makePeer: (layer, options) => makeLayer('RedisPubSubChannelLayer', options, prefixOf.get(layer)!),
    },
  )

  async function makeLog(prefix: string): Promise<LayerLog> {
    const log = logOf('RedisChannelLayer', { prefix, hosts: [host] })
    await log.layer.ready()
    return log
  }

  describeEventLog('RedisChannelLayer as an event log, after the failover', () => makeLog(`s${prefixes++}`), {
    runner: { describe, it },
    makePeer: ({ options }) => makeLog(options.prefix!),
    close: ({ layer }) => layer.close(),
  })

  describePresenceStore(
    'RedisChannelLayer as a store of presence, after the failover',
    () => makeLog(`s${prefixes++}`),
    {
      runner: { describe, it },
      close: ({ layer }) => layer.close(),
    },
  )
})

/** Waits until the reply matches. */
async function said(ask: () => Promise<string>, wanted: RegExp): Promise<void> {
  await patiently(async () => {
    const answer = await ask()
    if (!wanted.test(answer)) throw new Error(`Not yet ${String(wanted)}:\n${answer}`)
  })
}

interface Sentinel {
  readonly port: number
  stop(): Promise<void>
}

async function startSentinel(masterPort: number): Promise<Sentinel> {
  const folder = await mkdtemp(join(tmpdir(), 'tideway-sentinel-'))
  const port = await freePort()
  const file = join(folder, 'sentinel.conf')
  await writeFile(
    file,
    `port ${port}
bind 127.0.0.1
dir ${folder}
sentinel monitor main 127.0.0.1 ${masterPort} 2
sentinel down-after-milliseconds main 3000
sentinel failover-timeout main 5000
`,
  )
  const program: RunningProgram = await startProgram(programPath('redis'), [file, '--sentinel'], { ready: port })
  return {
    port,
    async stop() {
      await program.stop()
      await rm(folder, { recursive: true })
    },
  }
}
