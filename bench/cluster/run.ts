import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'

import { RedisPubSubChannelLayer } from '@tideway/redis'
import { ClusterChannelLayer } from 'tideway/layer/cluster'

import { cpuOf, Peer, type Engine } from './peer.ts'

// npm run bench -- cluster [RUNS]: processor time of a message that crosses processes, over the hub and over Redis pub/sub.

const message = { type: 'chat.message', message: 'x'.repeat(128), user: 'username' }
const body = JSON.stringify(message)
/** Messages at once. */
const BATCH = 50
const BATCHES = 60
const WARM_UP = 20

/** Microseconds per message. */
interface Cost {
  readonly sender: number
  readonly engine: number
  readonly receiver: number
}

interface Running {
  readonly address: string
  readonly pid: number
  stop(): Promise<void>
}

async function startEngine(engine: Engine, folder: string): Promise<Running> {
  if (engine === 'cluster') {
    const address = join(folder, 'sockets')
    const hub = await Peer.start(engine, address, 0)
    return { address, pid: hub.pid, stop: () => hub.stop() }
  }
  const probe = createServer().listen(0, '127.0.0.1')
  await once(probe, 'listening')
  const { port } = probe.address() as AddressInfo
  probe.close()
  const args = ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', '--dir', folder]
  const child = spawn('redis-server', args, { stdio: ['ignore', 'pipe', 'inherit'] })
  for await (const line of createInterface({ input: child.stdout })) if (line.includes('Ready to accept')) break
  child.stdout.resume()
  const stop = async (): Promise<void> => {
    child.kill()
    await once(child, 'exit')
  }
  return { address: `redis://127.0.0.1:${port}`, pid: child.pid ?? 0, stop }
}

async function measure(engine: Engine, kind: 'plain' | 'kept', members: number): Promise<Cost> {
  const folder = mkdtempSync(join(tmpdir(), 'tideway-bench-cluster-'))
  const running = await startEngine(engine, folder)
  const { address } = running
  const receivers = await Promise.all([Peer.start(engine, address, members), Peer.start(engine, address, members)])
  const layer =
    engine === 'cluster'
      ? new ClusterChannelLayer({ directory: address })
      : new RedisPubSubChannelLayer({ hosts: [address] })
  await layer.ready()
  const send = (): Promise<unknown> =>
    kind === 'plain' ? layer.groupSend('plain', message) : layer.keptGroups.publish('kept', body)
  const pids = [process.pid, running.pid, ...receivers.map(({ pid }) => pid)]
  let before: number[] = []
  for (let batch = 1; batch <= WARM_UP + BATCHES; batch++) {
    await Promise.all(Array.from({ length: BATCH }, send))
    await Promise.all(receivers.map((receiver) => receiver.delivered(batch * BATCH * members)))
    if (batch === WARM_UP) before = pids.map(cpuOf)
  }
  const [sender = 0, hub = 0, ...others] = pids.map((pid, index) => (cpuOf(pid) - before[index]!) / (BATCH * BATCHES))
  await layer.close()
  await Promise.all(receivers.map((receiver) => receiver.stop()))
  await running.stop()
  rmSync(folder, { recursive: true, force: true })
  return { sender, engine: hub, receiver: others.reduce((sum, one) => sum + one, 0) / others.length }
}

const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1]!

const runs = Number(process.argv[2] ?? 5)
for (const kind of ['plain', 'kept'] as const) {
  for (const members of [1, 1000]) {
    const costs: Record<Engine, Cost[]> = { cluster: [], redis: [] }
    for (let run = 0; run < runs; run++) {
      const order: Engine[] = run % 2 === 0 ? ['cluster', 'redis'] : ['redis', 'cluster']
      for (const engine of order) costs[engine].push(await measure(engine, kind, members))
    }
    for (const engine of ['cluster', 'redis'] as const) {
      const of = (part: keyof Cost): string => median(costs[engine].map((cost) => cost[part])).toFixed(1)
      const perDelivery = median(costs[engine].map(({ receiver }) => receiver / members)).toFixed(2)
      process.stdout.write(
        `${kind}, ${members} members in each of 2 processes, ${engine}: sender ${of('sender')} µs per message, ` +
          `engine ${of('engine')}, each receiver ${of('receiver')} (${perDelivery} per delivery)\n`,
      )
    }
  }
}
