import { chmod, mkdtemp, rm } from 'node:fs/promises'
import net from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { once } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { RedisPubSubChannelLayer } from '@tideway/redis'
import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest'
import { WebSocket } from 'ws'
import { RedisServer } from '../../packages/redis/test/redis-server.ts'
import { Browser } from '../deploy/browser.ts'
import { startNginx } from '../deploy/nginx.ts'
import { selfSigned } from '../deploy/site.ts'
import { startProgram, type RunningProgram } from '../setup/child-process.ts'
import { describeWith } from '../setup/describe-with.ts'
import { freePort } from '../setup/free-port.ts'
import { compileProgram, bundledTideway } from '../setup/compiled.ts'
import { patiently } from '../setup/patiently.ts'
import { room } from './fixture/room.ts'
import { Member, type Entrance } from './member.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
const MEMBERS = 16
const TICK_EVERY_MS = 50
/** Far longer than the clients need to move, also on a machine that is busy. */
const drainFlags = ['--drain-window', '40', '--drain-timeout', '90']

/** A server that processes replace while clients are connected. */
interface Deployment {
  readonly entrance: Entrance
  /** Resolves when the old processes have ended. */
  replace(): Promise<void>
}

describeWith(['redis', 'nginx', 'openssl'], 'a deployment under clients of the live protocol', () => {
  let redis: RedisServer
  let layer: RedisPubSubChannelLayer

  beforeAll(async () => {
    redis = await RedisServer.start()
    layer = new RedisPubSubChannelLayer({ hosts: [redis.url] })
  })
  afterAll(async () => {
    await layer?.close()
    await redis?.stop()
  })

  async function serving(flags: readonly string[], descriptors: readonly number[] = []): Promise<RunningProgram> {
    const application = compileProgram(new URL('fixture/application.ts', import.meta.url))
    const command = [bundledTideway, 'serve', application, ...drainFlags]
    const program = await startProgram(process.execPath, [...command, ...flags], {
      cwd: root,
      ready: /Listening on (\S+)/,
      env: { REDIS_URL: redis.url },
      descriptors,
    })
    onTestFinished(async () => void (await program.stop()))
    return program
  }

  function entranceOf({ readyMatch }: RunningProgram): Entrance {
    return { url: readyMatch![1]!.replace('http', 'ws') }
  }

  async function ended(program: RunningProgram): Promise<void> {
    process.kill(program.pid, 'SIGTERM')
    expect(await program.exited).toEqual({ code: 0, signal: null })
  }

  async function workers(): Promise<Deployment> {
    const program = await serving(['--workers', '2', '--port', '0'])
    return {
      entrance: entranceOf(program),
      async replace() {
        process.kill(program.pid, 'SIGHUP')
        // On a machine that is busy, four processes take longer than `patiently()` waits.
        while (!program.output().includes('All workers were replaced.')) await delay(20)
      },
    }
  }

  async function behindNginx(): Promise<Deployment> {
    const folder = await mkdtemp(join(tmpdir(), 'tideway-moves-'))
    onTestFinished(() => rm(folder, { recursive: true }))
    // The workers of nginx are another user.
    await chmod(folder, 0o755)
    const [socket, port] = [join(folder, '1.sock'), `127.0.0.1:${await freePort()}`]
    const flags = ['--readiness-path=/readyz', '--unix-socket-mode=666', '--ping-interval=0.5']
    const [first] = await Promise.all([
      serving([`--unix-socket=${socket}`, ...flags]),
      serving([`--listen=${port}`, ...flags]),
    ])
    const certificate = await selfSigned(folder)
    const site = { folder, webPort: 1, processes: [{ address: socket }, { address: port }] } as const
    const nginx = await startNginx(site, certificate)
    onTestFinished(async () => void (await nginx.program.stop()))
    const browser = await Browser.of(nginx.port, certificate)
    return {
      entrance: { url: `wss://127.0.0.1:${nginx.port}/ws/`, WebSocket: browser.webSocketClass() },
      replace: () => ended(first),
    }
  }

  async function onePort(): Promise<Deployment> {
    const socket = boundSocket()
    const start = (): Promise<RunningProgram> => serving(['--fd', '3'], [socket.fd])
    const first = await start()
    return {
      entrance: entranceOf(first),
      async replace() {
        await start()
        socket.close()
        await ended(first)
      },
    }
  }

  it.each([
    ['the workers of tideway serve are replaced at SIGHUP', workers],
    ['one of two processes behind nginx ends at SIGTERM', behindNginx],
    ['a second process listens on the same port, and the first one ends at SIGTERM', onePort],
  ])(
    'keeps every client connected, delivers every event once and in order, and answers every request once, when %s',
    async (name, deploy) => {
      const { entrance, replace } = await deploy()
      const id = name.replaceAll(' ', '-')
      const members = Array.from({ length: MEMBERS }, (_, n) => new Member(entrance, id, `member ${n}`))
      const over = new AbortController()
      try {
        await Promise.all(members.map((member) => member.enter()))
        const before = await Promise.all(members.map((member) => member.process()))

        const ticking = tick(id, over.signal)
        for (const member of members) member.talk()
        await replace()
        await Promise.all(members.map((member) => member.endTalk()))
        over.abort()
        await ticking

        const events = await room(id).history(layer, { last: 10_000 })
        const log = events.map(({ data }) => data.text)
        await patiently(() => expect(members.map(({ heard }) => heard.length)).toEqual(members.map(() => log.length)))
        for (const { heard, troubles } of members) {
          expect(heard).toEqual(log)
          expect(troubles).toEqual([])
        }
        const said = log.filter((text) => !text.startsWith('tick'))
        expect(said.toSorted()).toEqual(members.flatMap((member) => member.said).toSorted())
        const after = new Set(await Promise.all(members.map((member) => member.process())))
        expect(before.some((pid) => !after.has(pid))).toBe(true)
        const silenceMs = Math.max(...members.map(({ longestSilenceMs }) => longestSilenceMs))
        const report = { events: log.length, requests: said.length, longestSilenceMs: Math.round(silenceMs) }
        process.stdout.write(`move, ${name}: ${JSON.stringify(report)}\n`)
      } finally {
        over.abort()
        // Before the processes stop: a client that is connected would wait for another one.
        for (const { client } of members) client.close()
      }
    },
  )

  it.each([
    ['one process', []],
    ['two workers', ['--workers', '2']],
  ])('closes the clients of %s at Ctrl-C without a move', async (_name, flags) => {
    const program = await serving(['--port', '0', ...flags])
    const client = new WebSocket(entranceOf(program).url, ['tideway.v1.json'])
    const frames: string[] = []
    client.on('open', () => client.send('{"t":"hello","v":1}'))
    client.on('message', (data: Buffer) => frames.push((JSON.parse(data.toString()) as { t: string }).t))
    await once(client, 'message')
    const closed = once(client, 'close') as Promise<[number]>
    process.kill(program.pid, 'SIGINT')
    const [code] = await closed
    expect([code, frames]).toEqual([1012, ['hi']])
    expect(await program.exited).toEqual({ code: 0, signal: null })
  })

  async function tick(id: string, signal: AbortSignal): Promise<void> {
    for (let n = 1; !signal.aborted; n++) {
      await room(id).publish(layer, 'ticked', { text: `tick ${n}` })
      await delay(TICK_EVERY_MS)
    }
  }
})

interface BoundSocket {
  readonly fd: number
  close(): void
}

/** Binds a free port, and accepts no connection: a process that inherits the descriptor listens on it, as with a socket of systemd. */
function boundSocket(): BoundSocket {
  const { _createServerHandle: bind } = net as unknown as {
    readonly _createServerHandle: (host: string, port: number, family: 4) => BoundSocket | number
  }
  const socket = bind('127.0.0.1', 0, 4)
  if (typeof socket === 'number') throw new Error(`No port is free: error ${socket}.`)
  return socket
}
