import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { requireWholeNumber } from '../../errors/option-checks.ts'
import { TidewayError } from '../../errors/tideway-error.ts'
import { FaultProcess } from './fault-process.ts'
import { FaultProxy } from './fault-proxy.ts'
import { formatFault, planFaults, type Fault, type FaultKind } from './fault-schedule.ts'
import { seededRandom } from './seeded-random.ts'

/** A server that the fault kit starts as a process, so that a fault can kill it. */
export interface FaultServer {
  /**
   * Returns the program and its arguments. The program must listen on this port of 127.0.0.1. It also gets the values as the
   * environment variables `PORT` and `REDIS_URL`.
   */
  readonly command: (values: { readonly port: number; readonly redisUrl: string | undefined }) => readonly string[]
  /** The folder in which it starts. @default that of the test */
  readonly cwd?: string | undefined
  /** Variables that are added to the environment of the test. @default none */
  readonly env?: Readonly<Record<string, string>> | undefined
  /** Time limit until it listens on its port, in milliseconds. @default 30000 */
  readonly startTimeoutMs?: number | undefined
}

/** The options of {@link withFaults}. */
export interface FaultOptions {
  /** The server behind the proxy: the port of a running server, or how to start one. */
  readonly server: number | FaultServer
  /** Starts a `redis-server` that writes every command to its file, so that it restarts with its data. @default false */
  readonly redis?: boolean | undefined
  /** Decides the schedule: a whole number below 2^32. @default a random seed */
  readonly seed?: number | undefined
  /** The faults of the schedule. @default all that the server and Redis allow, except `half-open` */
  readonly kinds?: readonly FaultKind[] | undefined
  /** The number of faults. @default 10 */
  readonly count?: number | undefined
  /** The longest time before a fault, in milliseconds. @default 300 */
  readonly maxWaitMs?: number | undefined
  /** The longest time until a fault ends, in milliseconds. @default 500 */
  readonly maxHoldMs?: number | undefined
}

/** The fault kit of one test. */
export interface Faults {
  readonly seed: number
  /** Returns numbers in [0, 1) that the seed decides, for the choices of the test. */
  readonly random: () => number
  /** The address of the proxy: `http://127.0.0.1:PORT`. */
  readonly url: string
  /** The address of the proxy for WebSockets: `ws://127.0.0.1:PORT`. */
  readonly webSocketUrl: string
  readonly proxy: FaultProxy
  /** The process of the server; `undefined` if `server` is a port. */
  readonly server: FaultProcess | undefined
  /** The process of Redis; `undefined` without it. */
  readonly redis: FaultProcess | undefined
  /** The address of Redis; `undefined` without it. */
  readonly redisUrl: string | undefined
  readonly schedule: readonly Fault[]
  /** Causes the faults of the schedule once, one after the other. Resolves when network, server and Redis have recovered. */
  readonly run: () => Promise<void>
}

const SERVER_START_TIMEOUT_MS = 30_000
const REDIS_START_TIMEOUT_MS = 30_000

// Read before a test can install fake timers. Those are for the application.
const { setTimeout } = globalThis

/**
 * Runs a test against a server behind a proxy that causes faults. The seed decides the faults. If the test fails, the error has the seed
 * and the schedule in its message, and the error of the test as its `cause`. Everything that it has started is stopped at the end.
 * @example
 * await withFaults({ seed: 7, server: server.port }, async (faults) => {
 *   const client = connect(faults.webSocketUrl)
 *   await faults.run()
 *   expectContiguous(client.events)
 * })
 * @throws TidewayError `ERR_TEST_FAULTS` if the test throws, `ERR_TEST_PROGRAM` if a program does not start, `ERR_BAD_OPTION`
 */
export async function withFaults<T>(options: FaultOptions, test: (faults: Faults) => T | Promise<T>): Promise<T> {
  const { seed = Math.floor(Math.random() * 2 ** 32), count = 10, maxWaitMs = 300, maxHoldMs = 500 } = options
  requireWholeNumber('seed', seed, 2 ** 32 - 1, 0)
  requireWholeNumber('count', count, 10_000, 0)
  requireWholeNumber('maxWaitMs', maxWaitMs, undefined, 0)
  requireWholeNumber('maxHoldMs', maxHoldMs, undefined, 0)
  const kinds = options.kinds ?? possibleKinds(options)
  const impossible = kinds.find((kind) => kind !== 'half-open' && !possibleKinds(options).includes(kind))
  if (impossible !== undefined) {
    const missing = impossible.endsWith('redis') ? 'redis: true' : 'a server with a command'
    throw new TidewayError('ERR_BAD_OPTION', `The fault "${impossible}" needs ${missing}.`)
  }
  const random = seededRandom(seed)
  const schedule = planFaults(random, { kinds, count, maxWaitMs, maxHoldMs })
  const programs = new Programs()
  try {
    const parts = await programs.start(options)
    let begun = 0
    let isOver = false
    let running: Promise<void> | undefined
    const causeAll = async (): Promise<void> => {
      for (const fault of schedule) {
        await delay(fault.waitMs)
        if (isOver) return
        begun++
        await cause(fault, parts)
      }
    }
    const run = (): Promise<void> => (running ??= causeAll())
    try {
      return await test({ seed, random, schedule, run, ...parts, ...addressesOf(parts.proxy) })
    } catch (error) {
      throw failure(seed, schedule, begun, error)
    } finally {
      isOver = true
      // A fault that is not over could start a program again. The test has the error of `run()`.
      await running?.catch(() => {})
    }
  } finally {
    await programs.stop()
  }
}

function possibleKinds({ server, redis = false }: FaultOptions): FaultKind[] {
  return [
    'cut',
    'reset',
    'delay',
    'stall',
    'throttle',
    'refuse',
    ...(typeof server === 'number' ? [] : (['kill-server', 'pause-server'] as const)),
    ...(redis ? (['kill-redis', 'pause-redis'] as const) : []),
  ]
}

/** What runs during a test. */
type Parts = Pick<Faults, 'proxy' | 'server' | 'redis' | 'redisUrl'>

/** Starts the programs of a test, and stops those that it has started. */
class Programs {
  readonly #stops: (() => Promise<unknown>)[] = []

  async start({ server, redis: hasRedis = false }: FaultOptions): Promise<Parts> {
    const redis = hasRedis ? await this.#startRedis() : undefined
    const redisUrl = redis === undefined ? undefined : `redis://127.0.0.1:${redis.port}`
    const started = typeof server === 'number' ? undefined : await this.#startServer(server, redisUrl)
    const proxy = await FaultProxy.start(started?.port ?? (server as number))
    this.#stops.push(() => proxy.stop())
    return { proxy, server: started, redis, redisUrl }
  }

  async stop(): Promise<void> {
    for (const stop of this.#stops.splice(0).toReversed()) await stop()
  }

  async #startServer(server: FaultServer, redisUrl: string | undefined): Promise<FaultProcess> {
    const { command, cwd, env, startTimeoutMs = SERVER_START_TIMEOUT_MS } = server
    requireWholeNumber('server.startTimeoutMs', startTimeoutMs)
    return this.#startProcess((port) => ({
      command: command({ port, redisUrl }),
      cwd,
      env: { ...env, PORT: String(port), ...(redisUrl !== undefined && { REDIS_URL: redisUrl }) },
      startTimeoutMs,
    }))
  }

  async #startRedis(): Promise<FaultProcess> {
    const folder = await mkdtemp(join(tmpdir(), 'tideway-faults-'))
    this.#stops.push(() => rm(folder, { recursive: true, force: true }))
    const args = [
      '--bind',
      '127.0.0.1',
      '--dir',
      folder,
      '--save',
      '',
      '--appendonly',
      'yes',
      '--appendfsync',
      'always',
    ]
    return this.#startProcess((port) => ({
      command: ['redis-server', '--port', String(port), ...args],
      startTimeoutMs: REDIS_START_TIMEOUT_MS,
    }))
  }

  async #startProcess(programOf: Parameters<typeof FaultProcess.start>[0]): Promise<FaultProcess> {
    const started = await FaultProcess.start(programOf)
    this.#stops.push(() => started.kill())
    return started
  }
}

async function cause({ kind, holdMs, amount = 0 }: Fault, { proxy, server, redis }: Parts): Promise<void> {
  switch (kind) {
    case 'cut':
      proxy.cut()
      break
    case 'reset':
      proxy.reset()
      break
    case 'delay':
      proxy.delay(amount)
      break
    case 'stall':
      proxy.stall()
      break
    case 'throttle':
      proxy.throttle(amount)
      break
    case 'refuse':
      proxy.refuse()
      proxy.cut()
      break
    case 'half-open':
      proxy.halfOpen()
      break
    case 'kill-server':
      await server?.kill()
      break
    case 'pause-server':
      server?.pause()
      break
    case 'kill-redis':
      await redis?.kill()
      break
    case 'pause-redis':
      redis?.pause()
  }
  await delay(holdMs)
  proxy.heal()
  for (const program of [redis, server]) {
    program?.resume()
    await program?.start()
  }
}

function addressesOf({ port }: FaultProxy): Pick<Faults, 'url' | 'webSocketUrl'> {
  return { url: `http://127.0.0.1:${port}`, webSocketUrl: `ws://127.0.0.1:${port}` }
}

function failure(seed: number, schedule: readonly Fault[], begun: number, error: unknown): TidewayError {
  const message = error instanceof Error ? error.message : String(error)
  const faults = schedule.map((fault, index) => `${index < begun ? 'done' : 'not begun'}, ${formatFault(fault)}`)
  return new TidewayError(
    'ERR_TEST_FAULTS',
    [`The test failed with the seed ${seed}: ${message}`, 'The schedule of the seed:', ...faults].join('\n'),
    { cause: error },
  )
}

function delay(ms: number): Promise<void> {
  return new Promise((resolve) => void setTimeout(resolve, ms))
}
