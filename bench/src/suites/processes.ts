import { connect, echo } from '../cells.ts'
import { cost, ofPhase, type Phase } from '../load-report.ts'
import { against, type RowOfSuite, type Suite } from '../suite.ts'

const ONE = 'one process'
const TWO = 'two workers'
const path = '/ws/hash/'

/** Not bound to processors: which of them a worker gets is a part of what is measured. */
const processes = [
  { name: ONE, variant: { args: ['--workers', '1'] }, isFree: true },
  { name: TWO, variant: { args: ['--workers', '2'] }, isFree: true },
]

// Of two processors the load takes its share, and whatever else runs on them takes one: then the rate says how much was left.
// What a message costs all processes together hardly depends on that: at 1.18 times as much, two processors bring 1.7 times as many.
const FASTER = 1.7
const DEARER = 1.18
const rate = ({ delivered, seconds }: Phase): number => delivered / seconds

function rowsOf(id: string, title: string, thing: string, isJudged: boolean): RowOfSuite[] {
  return [
    {
      id,
      title: `${title}: rate`,
      unit: 'a second',
      better: 'higher',
      read: ofPhase(0, rate),
      targets: isJudged ? [against(TWO, FASTER, ONE)] : [],
    },
    {
      id: `${id}-cpu`,
      title: `${title}: cost`,
      unit: `µs of CPU of all processes a ${thing}`,
      better: 'lower',
      read: ofPhase(0, cost),
      targets: isJudged ? [against(TWO, DEARER, ONE)] : [],
    },
  ]
}

export const workers: Suite = {
  name: 'workers',
  connections: 100,
  cells: processes.map((process) => echo('workers', { ...process, load: { path } })),
  rows: rowsOf('workers', 'messages that are work, a hash 30 times over', 'message', true),
}

// Each of several processes has a compiler of its own, which needs some handshakes first.
export const workersConnecting: Suite = {
  name: 'workers-handshakes',
  connections: 10_000,
  cells: processes.map((process) => connect('workers', { ...process, load: { path, warm: 4000, settlems: 1 } })),
  rows: rowsOf('workers-handshakes', 'handshakes with several processes', 'handshake', false),
}
