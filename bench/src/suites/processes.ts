import { cpus } from 'node:os'
import { connect, echo } from '../cells.ts'
import { cost, ofPhase, type Phase } from '../load-report.ts'
import { against, type Suite } from '../suite.ts'

const ONE = 'one process'
const TWO = 'two workers'
const path = '/ws/key/'

const processes = [
  { name: ONE, variant: { args: ['--workers', '1'] } },
  { name: TWO, variant: { args: ['--workers', '2'] } },
]

/** The load and the system need processors too: on two, the rate shows what they left. */
const canJudgeRate = cpus().length > 2

// At 1.18 times the cost of one process for each message, two processors have 1.7 times its rate.
const FASTER = 1.7
const DEARER = 1.18
const rate = ({ delivered, seconds }: Phase): number => delivered / seconds

const working = processes.map((process) => echo('workers', { ...process, load: { path } }))
/** Not bound to processors: which of them a worker gets is a part of the rate. */
const free = working.map((cell) => ({ ...cell, isFree: true }))
const WORK = 'messages that are work, PBKDF2 with 100 iterations'

export const workers: Suite = {
  name: 'workers',
  connections: 100,
  cells: free,
  rows: [
    {
      id: 'workers',
      title: `${WORK}: rate`,
      unit: 'a second',
      better: 'higher',
      read: ofPhase(0, rate),
      targets: canJudgeRate ? [against(TWO, FASTER, ONE)] : [],
    },
  ],
}

/** Several processes have a larger share of the processors when all are loaded at once, so the rate is not compared here. */
export const workersCost: Suite = {
  name: 'workers-cpu',
  connections: 100,
  isAtOnce: true,
  cells: working,
  rows: [
    {
      id: 'workers-cpu',
      title: `${WORK}: cost`,
      unit: 'µs of CPU of all processes a message',
      better: 'lower',
      read: ofPhase(0, cost),
      targets: [against(TWO, DEARER, ONE)],
    },
  ],
}

// Each of several processes has a compiler of its own, which needs some handshakes first.
export const workersConnecting: Suite = {
  name: 'workers-handshakes',
  connections: 10_000,
  cells: processes.map((process) => connect('workers', { ...process, load: { path, warm: 4000, settlems: 1 } })),
  rows: [
    {
      id: 'workers-handshakes',
      title: 'handshakes with several processes: rate',
      unit: 'a second',
      better: 'higher',
      read: ofPhase(0, rate),
      targets: [],
    },
    {
      id: 'workers-handshakes-cpu',
      title: 'handshakes with several processes: cost',
      unit: 'µs of CPU of all processes a handshake',
      better: 'lower',
      read: ofPhase(0, cost),
      targets: [],
    },
  ],
}
