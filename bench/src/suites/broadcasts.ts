import { fanOut, fanOutKept, fanOutOnce, groups, KEPT, ONCE } from '../cells.ts'
import { cost, inWindow, ofPhase } from '../load-report.ts'
import type { ServerKey } from '../servers.ts'
import { against, CONSUMER, CPU_A_DELIVERY, type Cell, type Suite } from '../suite.ts'

const peers: readonly ServerKey[] = ['uws', 'bun', 'preframed', 'ws', 'socket.io', 'crossws', 'floor']
const FLOOR = 'C, one write a delivery'
const PREFRAMED = 'ws, one prebuilt frame'

export const fanout: Suite = {
  name: 'fanout',
  connections: 1000,
  cells: [
    fanOut('tideway', 1000, '8,1'),
    fanOutOnce(1000, '8,1'),
    fanOutKept(1000, '8,1'),
    ...peers.map((server) => fanOut(server, 1000, '8,1')),
    fanOut('uvicorn', 1000, '8'),
    fanOut('daphne', 1000, '8'),
  ],
  rows: [
    {
      id: 'fanout-8',
      title: 'fan-out, 1,000 members, 8 in flight',
      unit: CPU_A_DELIVERY,
      better: 'lower',
      read: inWindow(8, cost),
      targets: [
        against(CONSUMER, 1.8, 'uWebSockets.js'),
        against(CONSUMER, 1 / 4, 'ws'),
        against(CONSUMER, 1 / 4, 'Socket.IO'),
        against(CONSUMER, 1 / 50, 'Channels on uvicorn'),
        against(ONCE, 1.1, 'uWebSockets.js'),
        against(ONCE, 1.1, 'Bun'),
        against(ONCE, 1 / 6, 'ws'),
        against(KEPT, 1.1, ONCE),
      ],
    },
    {
      id: 'fanout-1',
      title: 'fan-out, 1,000 members, 1 in flight',
      unit: CPU_A_DELIVERY,
      better: 'lower',
      read: inWindow(1, cost),
      targets: [ONCE, CONSUMER].flatMap((name) => [against(name, 1.4, FLOOR), against(name, 1.1, PREFRAMED)]),
    },
  ],
}

const FEW = 'tideway, 1,000 members'

export const crowd: Suite = {
  name: 'crowd',
  connections: 10_000,
  cells: [
    fanOut('tideway', 10_000, '4'),
    fanOutOnce(10_000, '4'),
    fanOut('tideway', 1000, '4', { name: FEW }),
    fanOut('uws', 10_000, '4'),
    fanOut('ws', 10_000, '4'),
  ],
  rows: [
    {
      id: 'crowd',
      title: 'fan-out, 10,000 members, 4 in flight',
      unit: CPU_A_DELIVERY,
      better: 'lower',
      read: inWindow(4, cost),
      targets: [against(CONSUMER, 1.3, FEW), against(ONCE, 1.1, 'uWebSockets.js')],
    },
    {
      id: 'crowd-p99',
      title: 'fan-out, 10,000 members, 4 in flight: latency',
      unit: 'ms, 99th percentile',
      better: 'lower',
      without: [FEW],
      read: inWindow(4, ({ p99Ms }) => p99Ms),
      targets: [against(CONSUMER, 1, 'ws')],
    },
  ],
}

export const manyGroups: Suite = {
  name: 'groups',
  connections: 10_000,
  isAtOnce: true,
  cells: [groups('tideway'), groups('uws'), groups('ws'), groups('floor')],
  rows: [
    {
      id: 'groups',
      title: '5,000 groups of 2, 64 messages in flight in all',
      unit: CPU_A_DELIVERY,
      better: 'lower',
      read: ofPhase(0, cost),
      // Not of an echo, whose eight messages share a read and a write: here each delivery is a write of its own.
      // Half of a delivery is the kernel, and Node's own read and write cost what uWebSockets.js costs in all (NOTES.md).
      targets: [against(CONSUMER, 1, 'ws'), against(CONSUMER, 2.2, 'uWebSockets.js')],
    },
  ],
}

const PUBSUB = 'tideway, pub/sub layer'
const CORE = 'tideway, core layer'
const IN_MEMORY = 'tideway, in memory'

function crossing(server: 'tideway' | 'uvicorn', name: string, layer: string): Cell {
  const variant = { env: { [server === 'tideway' ? 'CHANNEL_LAYER' : 'LAYER']: layer } }
  return fanOut(server, 1000, '8', { name, crossesRedis: true, variant })
}

export const redis: Suite = {
  name: 'redis',
  connections: 1000,
  cells: [
    crossing('tideway', PUBSUB, 'pubsub'),
    crossing('tideway', CORE, 'redis'),
    fanOut('tideway', 1000, '8', { name: IN_MEMORY }),
    crossing('uvicorn', 'Channels, pub/sub layer', 'pubsub'),
    crossing('uvicorn', 'Channels, core layer', 'redis'),
  ],
  rows: [
    {
      id: 'redis',
      title: 'fan-out over Redis, the sender on another process, 1,000 members, 8 in flight',
      unit: 'µs of CPU of the receiving process a delivery',
      better: 'lower',
      read: inWindow(8, cost),
      targets: [
        against(PUBSUB, 1.3, IN_MEMORY),
        against(PUBSUB, 1 / 20, 'Channels, pub/sub layer'),
        against(CORE, 1 / 20, 'Channels, core layer'),
      ],
    },
  ],
}

const compression = { serverNoContextTakeover: true, clientNoContextTakeover: true, thresholdBytes: 512 }

function compressed(server: 'tideway' | 'ws', env: Readonly<Record<string, string>>): Cell {
  return fanOut(server, 1000, '8', { variant: { env }, load: { bytes: 1024, dialect: 'deflate' } })
}

export const deflate: Suite = {
  name: 'deflate',
  connections: 1000,
  cells: [
    compressed('tideway', { SERVE_OPTIONS: JSON.stringify({ compression }) }),
    compressed('ws', { DEFLATE: '1' }),
  ],
  rows: [
    {
      id: 'deflate',
      title: 'fan-out with permessage-deflate, 1,000 members, 1 kB of text, 8 in flight',
      unit: CPU_A_DELIVERY,
      better: 'lower',
      read: inWindow(8, cost),
      targets: [against(CONSUMER, 1 / 10, 'ws')],
    },
  ],
}
