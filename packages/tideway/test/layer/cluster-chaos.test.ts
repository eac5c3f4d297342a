import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ClusterChannelLayer } from 'tideway/layer/cluster'
import { compileProgram } from '../../../../test/setup/compiled.ts'
import { patiently } from '../../../../test/setup/patiently.ts'

const fixture = compileProgram(new URL('fixtures/cluster-process.ts', import.meta.url))

/** What a process of the cluster prints. */
interface Printed {
  readonly up?: true
  readonly isHub?: boolean
  readonly recovered?: boolean
  readonly why?: string
  readonly entry?: string
  readonly got?: string
  readonly gap?: string
  readonly reset?: string
}

interface PeerOptions {
  /** The position from which it follows. */
  readonly since?: string
  readonly maxQueuedBytes?: number
}

/** Another process of the cluster. */
class Peer {
  readonly process: ChildProcess
  readonly printed: Printed[] = []

  constructor(directory: string, { since, maxQueuedBytes = 1_000_000 }: PeerOptions) {
    const args = [fixture, directory, String(maxQueuedBytes), ...(since === undefined ? [] : [since])]
    this.process = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
    createInterface(this.process.stdout!).on('line', (line) => this.printed.push(JSON.parse(line) as Printed))
  }

  static async start(directory: string, options: PeerOptions = {}): Promise<Peer> {
    const peer = new Peer(directory, options)
    await patiently(() => {
      if (peer.start === undefined) throw new Error('The process has not started.')
    })
    return peer
  }

  get start(): Printed | undefined {
    return this.printed.find(({ up }) => up)
  }

  all<Name extends keyof Printed>(name: Name): NonNullable<Printed[Name]>[] {
    return this.printed.flatMap((one) => one[name] ?? []) as NonNullable<Printed[Name]>[]
  }

  signal(signal: NodeJS.Signals): void {
    this.process.kill(signal)
  }

  async kill(): Promise<void> {
    if (this.process.exitCode !== null || this.process.signalCode !== null) return
    this.process.kill('SIGKILL')
    await once(this.process, 'exit')
  }
}

describe('ClusterChannelLayer in several processes', { timeout: 120_000 }, () => {
  let directory: string
  let hub: Peer
  let peer: Peer
  let own: ClusterChannelLayer
  const peers: Peer[] = []
  const entries: string[] = []
  const resets: string[] = []
  const got: unknown[] = []
  let published = 0

  const startPeer = async (options?: PeerOptions): Promise<Peer> => {
    const started = await Peer.start(directory, options)
    peers.push(started)
    return started
  }

  async function publish(count: number): Promise<void> {
    for (let n = 0; n < count; n++) await own.keptGroups.publish('room', String(++published))
  }

  const numbers = (from: number, to: number): string[] =>
    Array.from({ length: to - from + 1 }, (_, index) => String(from + index))

  beforeAll(async () => {
    directory = join(await mkdtemp(join(tmpdir(), 'tideway-cluster-')), 'sockets')
    hub = await startPeer()
    peer = await startPeer()
    own = new ClusterChannelLayer({ directory, callTimeoutMs: 2000 })
    const channel = own.newChannel()
    own.attach(channel, {
      deliver({ text }) {
        got.push(text)
        return 'delivered'
      },
    })
    await own.groupAdd('room', channel)
    const follower = {
      onEntry: ({ body }: { readonly body: string }) => void entries.push(body),
      onVolatile: () => {},
      onReset: ({ why }: { readonly why: string }) => void resets.push(why),
    }
    const { cursor } = await own.keptGroups.follow('room', follower)
    cursor.start()
  }, 120_000)

  afterAll(async () => {
    await Promise.all(peers.map((each) => each.kill()))
    await own.close()
    await rm(join(directory, '..'), { recursive: true, force: true })
  })

  it('makes the first process the hub, and reaches all', async () => {
    expect([hub.start?.isHub, peer.start?.isHub, own.isHub]).toEqual([true, false, false])
    await own.groupSend('room', { type: 'said', text: 'hello' })
    await publish(3)
    for (const each of [hub, peer]) {
      await patiently(() => expect(each.all('entry')).toEqual(['1', '2', '3']))
      await patiently(() => expect(each.all('got')).toEqual(['hello']))
    }
    const { people } = await own.keptGroups.presence!.who('room', 10)
    expect(people.map(({ key }) => key).toSorted()).toEqual(
      [hub, peer].map(({ process }) => String(process.pid)).toSorted(),
    )
  })

  it('loses nothing for the others when a process is killed', async () => {
    const publishing = publish(50)
    await peer.kill()
    await publishing
    await patiently(() => expect(hub.all('entry')).toEqual(numbers(1, 53)))
    await patiently(() => expect(entries).toEqual(numbers(1, 53)))
    expect([...hub.all('reset'), ...resets]).toEqual([])
  })

  it('drops and reports what a stopped process cannot hold, which then reads its events', async () => {
    peer = await startPeer({ maxQueuedBytes: 200_000 })
    peer.signal('SIGSTOP')
    for (let n = 0; n < 40; n++) {
      await own.groupSend('room', { type: 'large', text: 'x'.repeat(50_000) })
      await patiently(() => expect(hub.all('got')).toHaveLength(2 + n))
    }
    await publish(20)
    peer.signal('SIGCONT')
    await patiently(() => expect(peer.all('gap')).toEqual(['dropped']))
    await patiently(() => expect(peer.all('entry')).toEqual(numbers(54, 73)))
    const large = peer.all('got').length
    expect(large).toBeGreaterThan(0)
    expect(large).toBeLessThan(40)
    expect(peer.all('reset')).toEqual([])
  })

  it('rejects calls while the hub is stopped, and continues its logs after it', async () => {
    hub.signal('SIGSTOP')
    await expect(own.keptGroups.publish('room', 'unknown')).rejects.toMatchObject({ code: 'ERR_LAYER_UNAVAILABLE' })
    await own.groupSend('room', { type: 'said', text: 'late' })
    expect(got.at(-1)).toBe('late')
    hub.signal('SIGCONT')
    await publish(1)
    await patiently(() => expect(peer.all('got').at(-1)).toBe('late'))
    await patiently(() => expect(entries.at(-1)).toBe('74'))
    // The outcome of the rejected call is unknown: here the hub has appended it later.
    expect(entries.slice(73)).toEqual(['unknown', '74'])
    expect(resets).toEqual([])
  })

  it('begins new epochs in another process when the hub and another process are killed, and tells all', async () => {
    const { top } = await own.keptGroups.history('room')
    const second = await startPeer()
    await Promise.all([hub.kill(), peer.kill()])
    await patiently(() => expect([resets, second.all('reset')]).toEqual([['epoch'], ['epoch']]))
    await own.keptGroups.publish('room', 'after')
    await patiently(() => expect(entries.at(-1)).toBe('after'))
    await patiently(() => expect(second.all('entry').at(-1)).toBe('after'))
    expect(second.all('gap')).toEqual(['disconnected'])
    await own.groupSend('room', { type: 'said', text: 'again' })
    await patiently(() => expect(second.all('got')).toEqual(['again']))
    await patiently(async () => {
      const { people } = await own.keptGroups.presence!.who('room', 10)
      expect(people.map(({ key }) => key)).toEqual([String(second.process.pid)])
    })
    const third = await startPeer({ since: `${top.epoch}:${top.offset}` })
    expect(third.start).toMatchObject({ recovered: false, why: 'epoch' })
  })

  it('has one hub, and leaves no file, after many processes have started at once beside a stale socket', async () => {
    await Promise.all(peers.map((each) => each.kill()))
    await own.ready()
    expect(await readdir(directory)).toHaveLength(1)
    const stale = await Peer.start(`${directory}2`)
    await stale.kill()
    let others = Array.from({ length: 8 }, () => new ClusterChannelLayer({ directory: `${directory}2` }))
    const hubs = (): ClusterChannelLayer[] => others.filter(({ isHub }) => isHub)
    await Promise.all(others.map((layer) => layer.ready()))
    // Each time the hub closes, exactly one other process takes its place.
    while (others.length > 0) {
      await patiently(() => expect(hubs()).toHaveLength(1))
      await Promise.all(others.map((layer) => layer.groupSend('room', { type: 'said' })))
      const [closing] = hubs()
      others = others.filter((layer) => layer !== closing)
      await closing?.close()
      expect(hubs().length).toBeLessThan(2)
    }
    await expect(readdir(`${directory}2`)).rejects.toMatchObject({ code: 'ENOENT' })
  })
})
