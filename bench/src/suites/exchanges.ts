import * as cells from '../cells.ts'
import { cost, ofPhase, perCpuSecond } from '../load-report.ts'
import type { ServerKey } from '../servers.ts'
import { against, CONSUMER, CPU_A_MESSAGE, type Cell, type Suite } from '../suite.ts'

const inMemory: readonly ServerKey[] = ['tideway', 'uws', 'bun', 'ws', 'socket.io']

export const echo: Suite = {
  name: 'echo',
  connections: 100,
  cells: [
    ...inMemory.map((server) => cells.echo(server)),
    cells.echoLive(),
    cells.echo('floor', { variant: { args: ['echo'] } }),
    cells.echo('uvicorn'),
  ],
  rows: [
    {
      id: 'echo',
      title: 'echo of JSON, 100 connections, 8 in flight each',
      unit: CPU_A_MESSAGE,
      better: 'lower',
      read: ofPhase(0, cost),
      targets: [
        against(CONSUMER, 1.1, 'uWebSockets.js'),
        against(CONSUMER, 1 / 2, 'ws'),
        against(CONSUMER, 1 / 3, 'Socket.IO'),
        against(cells.LIVE, 1.5, CONSUMER),
      ],
    },
  ],
}

const BINARY_BYTES = 65_536

function binaryEcho(server: ServerKey): Cell {
  return cells.echo(server, { load: { path: '/ws/echo/', conns: 20, depth: 2, binary: 1, bytes: BINARY_BYTES } })
}

export const binary: Suite = {
  name: 'binary',
  connections: 20,
  cells: [binaryEcho('tideway'), binaryEcho('uws'), binaryEcho('ws')],
  rows: [
    {
      id: 'binary',
      title: 'echo of binary frames of 64 KiB',
      unit: 'MiB a second of CPU',
      better: 'higher',
      read: ofPhase(0, (phase) => (perCpuSecond(phase) * BINARY_BYTES) / 2 ** 20),
      targets: [against(CONSUMER, 0.8, 'ws')],
    },
  ],
}

const BARE = 'node:http'

export const http: Suite = {
  name: 'http',
  connections: 50,
  isAtOnce: true,
  cells: [
    cells.http('http', { variant: { args: ['tideway'] } }),
    cells.http('http', { name: BARE, variant: { args: ['node'] } }),
  ],
  rows: [
    {
      id: 'http',
      title: 'HTTP: a listener behind nodeListener, 50 connections',
      unit: 'µs of CPU a request',
      better: 'lower',
      read: ofPhase(0, cost),
      targets: [against(CONSUMER, 1.1, BARE)],
    },
  ],
}

const PLAIN = 'without'
const LIMITS = 'with limits of messages, bytes, connections and age'
const LOG = 'with an access log'
const UNUSED = 'with compression that is negotiated and not used'
const limits = { maxMessagesPerSecond: 1e6, maxBytesPerSecond: 1e9, maxConnectionsPerAddress: 1e5, idleTimeoutMs: 6e5 }

export const features: Suite = {
  name: 'features',
  connections: 100,
  isAtOnce: true,
  cells: [
    cells.echo('tideway', { name: PLAIN }),
    cells.echo('tideway', { name: LIMITS, variant: { env: { SERVE_OPTIONS: JSON.stringify(limits) } } }),
    cells.echo('tideway', { name: LOG, variant: { env: { ACCESS_LOG: '/dev/null' } } }),
    cells.echo('tideway', {
      name: UNUSED,
      variant: { env: { SERVE_OPTIONS: JSON.stringify({ compression: {} }) } },
      // The message is shorter than what is compressed by default; it contains its send time, which is not read here.
      load: { dialect: 'deflate' },
    }),
  ],
  rows: [
    {
      id: 'features',
      title: 'what options cost: echo of JSON, 100 connections, 8 in flight each',
      unit: CPU_A_MESSAGE,
      better: 'lower',
      read: ofPhase(0, cost),
      targets: [LIMITS, LOG, UNUSED].map((name) => against(name, 1.1, PLAIN)),
    },
  ],
}
