import { cost, perCpuSecond, phaseWithWindow, type LoadReport, type Phase, type Reading } from './load-report.ts'
import type { Target } from './results.ts'
import { servers, type ServerKey, type Variant } from './servers.ts'

/** What the load is told: see the head of load/load.c. */
export interface Load {
  readonly mode: 'fanout' | 'echo' | 'connect' | 'groups' | 'storm' | 'http'
  readonly arguments: Readonly<Record<string, string | number>>
}

/** One server and one load: each time in processes of their own. */
export interface Cell {
  readonly name: string
  readonly server: ServerKey
  readonly variant?: Variant
  readonly load: Load
  /** Two processes with Redis between them, the sender on one and all members on the other, whose time is measured. */
  readonly crossesRedis?: boolean
  /** Not bound to a processor. */
  readonly isFree?: boolean
}

/** A figure that is taken from what the cells of a suite give. */
export interface RowOfSuite {
  readonly id: string
  readonly title: string
  readonly unit: string
  readonly better: 'lower' | 'higher'
  /** A cell that does not belong into this row. */
  readonly without?: string
  read(report: LoadReport): Reading | undefined
  readonly targets: readonly Target[]
}

/** Measurements that are made together. */
export interface Suite {
  readonly name: string
  /** How many files a process has open at most. */
  readonly connections: number
  readonly cells: readonly Cell[]
  readonly rows: readonly RowOfSuite[]
}

const CPU = 'µs of CPU a delivery'
const CONSUMER = 'tideway'
const ONCE = 'tideway, static handler'
/** The path at which the bench's server has the handler that encodes once for all members. */
const ONCE_PATH = '/ws/shared/#/'

/** A member speaks, all hear it. */
function fanOutCell(
  server: ServerKey,
  members: number,
  windows: string,
  more: Partial<Cell> & { path?: string } = {},
): Cell {
  const { path = servers[server].chat, ...rest } = more
  return {
    name: servers[server].name,
    server,
    load: { mode: 'fanout', arguments: { path, conns: members, windows } },
    ...rest,
  }
}

function echoCell(server: ServerKey, more: Partial<Cell> = {}): Cell {
  return {
    name: servers[server].name,
    server,
    load: { mode: 'echo', arguments: { path: servers[server].echo, conns: 100, depth: 8 } },
    ...more,
  }
}

function first(take: (phase: Phase) => number): (report: LoadReport) => Reading | undefined {
  return ({ phases: [phase] }) => (phase === undefined ? undefined : { value: take(phase), phase })
}

function windowed(window: number, take: (phase: Phase) => number): (report: LoadReport) => Reading | undefined {
  return (report) => {
    const phase = phaseWithWindow(report, window)
    return phase === undefined ? undefined : { value: take(phase), phase }
  }
}

const against = (name: string, factor: number, peer: string, row?: string): Target => ({
  name,
  factor,
  against: row === undefined ? { name: peer } : { name: peer, row },
})

const fanOut: Suite = {
  name: 'fanout',
  connections: 1000,
  cells: [
    fanOutCell('tideway', 1000, '8,1'),
    fanOutCell('tideway', 1000, '8,1', { name: ONCE, path: ONCE_PATH }),
    fanOutCell('uws', 1000, '8,1'),
    fanOutCell('bun', 1000, '8,1'),
    fanOutCell('preframed', 1000, '8,1'),
    fanOutCell('ws', 1000, '8,1'),
    fanOutCell('socket.io', 1000, '8,1'),
    fanOutCell('crossws', 1000, '8,1'),
    fanOutCell('floor', 1000, '8,1'),
    fanOutCell('uvicorn', 1000, '8'),
    fanOutCell('daphne', 1000, '8'),
  ],
  rows: [
    {
      id: 'fanout-8',
      title: 'fan-out, 1,000 members, 8 in flight',
      unit: CPU,
      better: 'lower',
      read: windowed(8, cost),
      targets: [
        against(CONSUMER, 2, 'uWebSockets.js'),
        against(CONSUMER, 1 / 4, 'ws'),
        against(CONSUMER, 1 / 4, 'Socket.IO'),
        against(CONSUMER, 1 / 50, 'Channels on uvicorn'),
        against(ONCE, 1.1, 'uWebSockets.js'),
        against(ONCE, 1.1, 'Bun'),
        against(ONCE, 1 / 6, 'ws'),
      ],
    },
    {
      id: 'fanout-1',
      title: 'fan-out, 1,000 members, 1 in flight',
      unit: CPU,
      better: 'lower',
      read: windowed(1, cost),
      targets: [
        against(ONCE, 1.4, 'C, one write a delivery'),
        against(ONCE, 1.1, 'ws, one prebuilt frame'),
        against(CONSUMER, 1.4, 'C, one write a delivery'),
        against(CONSUMER, 1.1, 'ws, one prebuilt frame'),
      ],
    },
  ],
}

const FEW = 'tideway, 1,000 members'

const crowd: Suite = {
  name: 'crowd',
  connections: 10_000,
  cells: [
    fanOutCell('tideway', 10_000, '4'),
    fanOutCell('tideway', 10_000, '4', { name: ONCE, path: ONCE_PATH }),
    fanOutCell('tideway', 1000, '4', { name: FEW }),
    fanOutCell('uws', 10_000, '4'),
    fanOutCell('ws', 10_000, '4'),
  ],
  rows: [
    {
      id: 'crowd',
      title: 'fan-out, 10,000 members, 4 in flight',
      unit: CPU,
      better: 'lower',
      read: windowed(4, cost),
      targets: [against(CONSUMER, 1.3, FEW)],
    },
    {
      id: 'crowd-p99',
      title: 'fan-out, 10,000 members, 4 in flight: latency',
      unit: 'ms, 99th percentile',
      better: 'lower',
      without: FEW,
      read: windowed(4, ({ p99Ms }) => p99Ms),
      targets: [against(CONSUMER, 1, 'ws')],
    },
  ],
}

const echo: Suite = {
  name: 'echo',
  connections: 100,
  cells: [
    echoCell('tideway'),
    echoCell('uws'),
    echoCell('bun'),
    echoCell('ws'),
    echoCell('socket.io'),
    echoCell('floor', { variant: { args: ['echo'] } }),
    echoCell('uvicorn'),
  ],
  rows: [
    {
      id: 'echo',
      title: 'echo of JSON, 100 connections, 8 in flight each',
      unit: 'µs of CPU a message',
      better: 'lower',
      read: first(cost),
      targets: [
        against(CONSUMER, 1.6, 'uWebSockets.js'),
        against(CONSUMER, 1 / 2, 'ws'),
        against(CONSUMER, 1 / 3, 'Socket.IO'),
      ],
    },
  ],
}

function connectCell(server: ServerKey): Cell {
  const load: Load = {
    mode: 'connect',
    arguments: { path: servers[server].chat, conns: 10_000, parallel: 128, warm: 2000 },
  }
  return { name: servers[server].name, server, load }
}

const connecting: Suite = {
  name: 'connections',
  connections: 10_000,
  cells: [connectCell('tideway'), connectCell('uws'), connectCell('bun'), connectCell('ws'), connectCell('socket.io')],
  rows: [
    {
      id: 'handshakes',
      title: 'handshakes',
      unit: 'a second of CPU',
      better: 'higher',
      read: first(perCpuSecond),
      targets: [against(CONSUMER, 0.9, 'ws'), against(CONSUMER, 3, 'Socket.IO')],
    },
    {
      id: 'idle',
      title: '10,000 idle connections in a room',
      unit: 'kB of memory each',
      better: 'lower',
      read: ({ phases: [phase], bytesPerConnection = 0 }) =>
        phase === undefined ? undefined : { value: bytesPerConnection / 1000, phase },
      targets: [{ name: CONSUMER, factor: 8 }, against(CONSUMER, 1.1, 'ws')],
    },
  ],
}

const PUBSUB = 'tideway, pub/sub layer'
const CORE = 'tideway, core layer'
const crossing = (server: 'tideway' | 'uvicorn', name: string, layer: string): Cell =>
  fanOutCell(server, 1000, '8', {
    name,
    crossesRedis: true,
    variant: { env: server === 'tideway' ? { CHANNEL_LAYER: layer } : { LAYER: layer } },
  })

const redis: Suite = {
  name: 'redis',
  connections: 1000,
  cells: [
    crossing('tideway', PUBSUB, 'pubsub'),
    crossing('tideway', CORE, 'redis'),
    fanOutCell('tideway', 1000, '8', { name: 'tideway, in memory' }),
    crossing('uvicorn', 'Channels, pub/sub layer', 'pubsub'),
    crossing('uvicorn', 'Channels, core layer', 'redis'),
  ],
  rows: [
    {
      id: 'redis',
      title: 'fan-out over Redis, the sender on another process, 1,000 members, 8 in flight',
      unit: 'µs of CPU of the receiving process a delivery',
      better: 'lower',
      read: windowed(8, cost),
      targets: [
        against(PUBSUB, 1.3, 'tideway, in memory'),
        against(PUBSUB, 1 / 20, 'Channels, pub/sub layer'),
        against(CORE, 1 / 20, 'Channels, core layer'),
      ],
    },
  ],
}

function stormCell(server: ServerKey): Cell {
  const { name, chat, echo: calmpath } = servers[server]
  return {
    name,
    server,
    load: { mode: 'storm', arguments: { path: chat, calmpath, conns: 10_000, calm: 50, hz: 1000 } },
  }
}

const storm: Suite = {
  name: 'storm',
  connections: 10_050,
  cells: [stormCell('tideway'), stormCell('uws'), stormCell('ws')],
  rows: [
    {
      id: 'storm',
      title: 'connect storm: of 10,000 at once',
      unit: 'accepted',
      better: 'higher',
      read: ({ phases: [, phase] }) => (phase === undefined ? undefined : { value: phase.accepted ?? 0, phase }),
      targets: [{ name: CONSUMER, factor: 10_000 }],
    },
    {
      id: 'storm-seconds',
      title: 'connect storm: until the last of 10,000 was accepted',
      unit: 'seconds',
      better: 'lower',
      read: ({ phases: [, phase] }) => (phase === undefined ? undefined : { value: phase.seconds, phase }),
      targets: [],
    },
    {
      id: 'storm-p99',
      title: 'connect storm: latency of 50 others who talk meanwhile',
      unit: 'ms, 99th percentile',
      better: 'lower',
      read: ({ phases: [, phase] }) => (phase === undefined ? undefined : { value: phase.p99Ms, phase }),
      targets: [],
    },
  ],
}

function groupsCell(server: ServerKey): Cell {
  const { name, chat } = servers[server]
  return { name, server, load: { mode: 'groups', arguments: { path: chat, conns: 10_000, groups: 5000, hz: 20_000 } } }
}

const groups: Suite = {
  name: 'groups',
  connections: 10_000,
  cells: [groupsCell('tideway'), groupsCell('uws'), groupsCell('ws')],
  rows: [
    {
      id: 'groups',
      title: '5,000 groups of 2, 20,000 sends a second',
      unit: CPU,
      better: 'lower',
      read: first(cost),
      targets: [against(CONSUMER, 2, 'tideway', 'echo')],
    },
  ],
}

const BINARY_BYTES = 65_536

function binaryCell(server: ServerKey): Cell {
  return {
    name: servers[server].name,
    server,
    load: { mode: 'echo', arguments: { path: '/ws/echo/', conns: 20, depth: 2, binary: 1, bytes: BINARY_BYTES } },
  }
}

const binary: Suite = {
  name: 'binary',
  connections: 20,
  cells: [binaryCell('tideway'), binaryCell('uws'), binaryCell('ws')],
  rows: [
    {
      id: 'binary',
      title: 'echo of binary frames of 64 KiB',
      unit: 'MiB a second of CPU',
      better: 'higher',
      read: first((phase) => (perCpuSecond(phase) * BINARY_BYTES) / 2 ** 20),
      targets: [against(CONSUMER, 0.8, 'ws')],
    },
  ],
}

const httpLoad: Load = { mode: 'http', arguments: { path: '/', conns: 50, depth: 1 } }
const BARE = 'node:http'

const http: Suite = {
  name: 'http',
  connections: 50,
  cells: [
    { name: 'tideway', server: 'http', variant: { args: ['tideway'] }, load: httpLoad },
    { name: BARE, server: 'http', variant: { args: ['node'] }, load: httpLoad },
  ],
  rows: [
    {
      id: 'http',
      title: 'HTTP: a listener behind nodeListener, 50 connections',
      unit: 'µs of CPU a request',
      better: 'lower',
      read: first(cost),
      targets: [against('tideway', 1.1, BARE)],
    },
  ],
}

const compression = { serverNoContextTakeover: true, clientNoContextTakeover: true, thresholdBytes: 512 }

function deflateCell(server: 'tideway' | 'ws', env: Readonly<Record<string, string>>): Cell {
  const cell = fanOutCell(server, 1000, '8', { variant: { env } })
  return { ...cell, load: { mode: 'fanout', arguments: { ...cell.load.arguments, bytes: 1024, dialect: 'deflate' } } }
}

const deflate: Suite = {
  name: 'deflate',
  connections: 1000,
  cells: [
    deflateCell('tideway', { SERVE_OPTIONS: JSON.stringify({ compression }) }),
    deflateCell('ws', { DEFLATE: '1' }),
  ],
  rows: [
    {
      id: 'deflate',
      title: 'fan-out with permessage-deflate, 1,000 members, 1 kB of text, 8 in flight',
      unit: CPU,
      better: 'lower',
      read: windowed(8, cost),
      targets: [against(CONSUMER, 1 / 10, 'ws')],
    },
  ],
}

const LIMITS = 'with limits of messages, bytes, connections and age'
const LOG = 'with an access log'
const UNUSED = 'with compression that is negotiated and not used'
const limits = { maxMessagesPerSecond: 1e6, maxBytesPerSecond: 1e9, maxConnectionsPerAddress: 1e5, idleTimeoutMs: 6e5 }
const variants: readonly (readonly [string, Readonly<Record<string, string>>, boolean?])[] = [
  [LIMITS, { SERVE_OPTIONS: JSON.stringify(limits) }],
  [LOG, { ACCESS_LOG: '/dev/null' }],
  [UNUSED, { SERVE_OPTIONS: JSON.stringify({ compression: {} }) }, true],
]

const features: Suite = {
  name: 'features',
  connections: 100,
  cells: [
    echoCell('tideway', { name: 'without' }),
    ...variants.map(([name, env, isDeflating]): Cell => {
      const cell = echoCell('tideway', { name, variant: { env } })
      if (isDeflating !== true) return cell
      // The message is shorter than what is compressed by default; it says when it was sent, though nobody reads that here.
      return { ...cell, load: { mode: 'echo', arguments: { ...cell.load.arguments, dialect: 'deflate' } } }
    }),
  ],
  rows: [
    {
      id: 'features',
      title: 'what options cost: echo of JSON, 100 connections, 8 in flight each',
      unit: 'µs of CPU a message',
      better: 'lower',
      read: first(cost),
      targets: [LIMITS, LOG, UNUSED].map((name) => against(name, 1.1, 'without')),
    },
  ],
}

const ONE = 'one process'
const TWO = 'two workers'
const processes = [
  [ONE, '1'],
  [TWO, '2'],
] as const

function workersSuite(name: string, load: Load, row: Pick<RowOfSuite, 'title' | 'targets'>): Suite {
  const cells = processes.map(([title, workers]): Cell => ({
    name: title,
    server: 'workers',
    variant: { args: ['--workers', workers] },
    load,
    isFree: true,
  }))
  const rows: RowOfSuite[] = [
    {
      id: name,
      unit: 'a second',
      better: 'higher',
      read: first(({ delivered, seconds }) => delivered / seconds),
      ...row,
    },
  ]
  return { name, connections: 5000, cells, rows }
}

// The rate counts here, and the load is not bound to a processor: on two processors it takes its share from the workers.
const workers = workersSuite(
  'workers',
  { mode: 'echo', arguments: { path: '/ws/hash/', conns: 100, depth: 8 } },
  { title: 'messages that are work: a hash, 30 times over', targets: [against(TWO, 1.7, ONE)] },
)

const workersConnecting = workersSuite(
  'workers-handshakes',
  { mode: 'connect', arguments: { path: '/ws/hash/', conns: 5000, parallel: 128, warm: 2000, settlems: 1 } },
  { title: 'handshakes with several processes', targets: [] },
)

/** In the order in which `all` measures them. */
export const suites: readonly Suite[] = [
  fanOut,
  crowd,
  echo,
  connecting,
  redis,
  workers,
  workersConnecting,
  storm,
  groups,
  binary,
  http,
  deflate,
  features,
]
