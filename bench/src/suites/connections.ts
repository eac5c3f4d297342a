import { connect, connectLive, connectLiveInTen, LIVE, shakeHands, shakeHandsLive, storm } from '../cells.ts'
import { ofPhase, perCpuSecond } from '../load-report.ts'
import type { ServerKey } from '../servers.ts'
import { against, CONSUMER, type Suite } from '../suite.ts'

const connecting: readonly ServerKey[] = ['tideway', 'uws', 'bun', 'ws', 'socket.io']

export const handshakes: Suite = {
  name: 'handshakes',
  connections: 10_000,
  cells: [...connecting.map((server) => shakeHands(server)), shakeHandsLive()],
  rows: [
    {
      id: 'handshakes',
      title: 'handshakes',
      unit: 'a second of CPU',
      better: 'higher',
      read: ofPhase(0, perCpuSecond),
      targets: [against(CONSUMER, 1, 'ws'), against(CONSUMER, 3, 'Socket.IO'), against(LIVE, 0.77, CONSUMER)],
    },
  ],
}

export const idling: Suite = {
  name: 'idle',
  connections: 10_000,
  cells: [...connecting.map((server) => connect(server)), connectLive(), connectLiveInTen()],
  rows: [
    {
      id: 'idle',
      title: '10,000 idle connections in a room',
      unit: 'kB of memory each',
      better: 'lower',
      read: ofPhase(0, (_phase, { bytesPerConnection = 0 }) => bytesPerConnection / 1000),
      targets: [{ name: CONSUMER, factor: 6 }, against(CONSUMER, 1, 'ws'), { name: LIVE, factor: 9 }],
    },
  ],
}

/** Behind the phase in which the others talk by themselves. */
const WHILE_STORMING = 1

export const storming: Suite = {
  name: 'storm',
  connections: 10_050,
  cells: [storm('tideway'), storm('uws'), storm('ws')],
  rows: [
    {
      id: 'storm',
      title: 'connect storm: of 10,000 at once',
      unit: 'accepted',
      better: 'higher',
      read: ofPhase(WHILE_STORMING, ({ accepted = 0 }) => accepted),
      targets: [{ name: CONSUMER, factor: 10_000 }],
    },
    {
      id: 'storm-seconds',
      title: 'connect storm: until the last of 10,000 was accepted',
      unit: 'seconds',
      better: 'lower',
      read: ofPhase(WHILE_STORMING, ({ seconds }) => seconds),
      targets: [],
    },
    {
      id: 'storm-p99',
      title: 'connect storm: latency of 50 other connections during it',
      unit: 'ms, 99th percentile',
      better: 'lower',
      read: ofPhase(WHILE_STORMING, ({ p99Ms }) => p99Ms),
      targets: [],
    },
  ],
}
