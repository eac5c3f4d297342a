import { fork } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { freePort, listening, pin } from '../src/server-process.ts'
import type { Holding } from './report.ts'
import { Visitors } from './visitors.ts'

const SAMPLES = 30
/** The first samples, in which permanent allocations are still made. */
const WARM_UP_SAMPLES = 6
/** By how much the last third may be above the first: what a collection left over, and the allocator keeps. */
const FLAT = { heapBytes: 1.05, externalBytes: 1.05, residentBytes: 1.1, descriptors: 1.05 } as const
/** Small figures move by more than their part, and connections that are closing have a descriptor on the server alone. */
const LEEWAY = { heapBytes: 2e6, externalBytes: 2e6, residentBytes: 15e6, descriptors: 100 } as const

/** Connections that come and go for a while: prints what the server holds, and whether that was flat. Linux only. */
export async function soak(minutes: number, connections: number): Promise<boolean> {
  const port = await freePort()
  const server = fork(fileURLToPath(new URL('../servers/tideway.js', import.meta.url)), [String(port)], {
    execArgv: ['--expose-gc', '--import', new URL('report.js', import.meta.url).href],
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  })
  pin(server, 'server')
  const ended = once(server, 'exit').then(([code, signal]): never => {
    throw new Error(`The server has ended with ${code ?? signal}.`)
  })
  // No output between two samples, nor when the run is stopped.
  ended.catch(() => {})
  const holding = async (): Promise<Holding> => {
    server.send('holding')
    const [answer] = (await Promise.race([once(server, 'message'), ended])) as [Holding]
    return answer
  }
  try {
    await listening(port, server)
    const empty = await holding()
    console.log(`soak, ${connections} connections for ${minutes} minutes; the server by itself: ${describe(empty)}`)
    const visitors = new Visitors(port, connections)
    visitors.start()
    const samples: Holding[] = []
    for (let i = 0; i < SAMPLES; i++) {
      await delay((minutes * 60_000) / SAMPLES)
      const held = await holding()
      const { opened, failed, sent, receivedBytes, open } = visitors.visits
      samples.push(ofAll(connections, open, held, empty))
      console.log(
        `${String(((i + 1) * minutes) / SAMPLES)
          .slice(0, 5)
          .padStart(5)} min  ${describe(held)}  ` +
          `open ${open}, opened ${opened}, failed ${failed}, messages ${sent}, received ${(receivedBytes / 1e6).toFixed(0)} MB`,
      )
    }
    visitors.stop()
    const left = await emptied(holding, empty)
    console.log(`  at the end  ${describe(left)}`)
    const problems = [...growth(samples), ...leftOver(empty, left)]
    if (visitors.visits.failed > 0) problems.push(`${visitors.visits.failed} handshakes failed`)
    console.log(problems.length === 0 ? 'verdict: flat' : `verdict: NOT flat: ${problems.join('; ')}`)
    return problems.length === 0
  } finally {
    server.kill('SIGKILL')
    await once(server, 'exit')
  }
}

/** How many are connected depends on how fast the machine lets them come: what would be held if all were there. */
function ofAll(connections: number, open: number, held: Holding, empty: Holding): Holding {
  const heapBytes = empty.heapBytes + ((held.heapBytes - empty.heapBytes) * connections) / Math.max(open, 1)
  return { ...held, heapBytes, descriptors: held.descriptors - open }
}

/** The first third after the warm-up beside the last. */
function growth(samples: readonly Holding[]): string[] {
  const measured = samples.slice(WARM_UP_SAMPLES)
  const third = Math.floor(measured.length / 3)
  return figures.flatMap((figure) => {
    const before = mean(measured.slice(0, third), figure)
    const after = mean(measured.slice(-third), figure)
    const isFlat = after <= before * FLAT[figure] + LEEWAY[figure]
    return isFlat ? [] : [`${figure} from ${before.toFixed(0)} to ${after.toFixed(0)}`]
  })
}

/** All clients have left, and their memory is free. The allocator may keep its pages. */
function leftOver(empty: Holding, left: Holding): string[] {
  const heapBytes = left.heapBytes + left.externalBytes - empty.heapBytes - empty.externalBytes
  return [
    ...(left.descriptors > empty.descriptors ? [`${left.descriptors - empty.descriptors} descriptors are left`] : []),
    ...(heapBytes > 8e6 ? [`${(heapBytes / 1e6).toFixed(1)} MB of heap are left`] : []),
  ]
}

async function emptied(holding: () => Promise<Holding>, empty: Holding): Promise<Holding> {
  let now = await holding()
  for (let i = 0; i < 60 && now.descriptors > empty.descriptors; i++) {
    await delay(1000)
    now = await holding()
  }
  return now
}

const figures = ['heapBytes', 'externalBytes', 'residentBytes', 'descriptors'] as const

function mean(samples: readonly Holding[], figure: (typeof figures)[number]): number {
  return samples.reduce((sum, sample) => sum + sample[figure], 0) / samples.length
}

function describe({ residentBytes, heapBytes, externalBytes, descriptors }: Holding): string {
  const megabytes = (bytes: number): string => (bytes / 1e6).toFixed(1).padStart(6)
  return `resident ${megabytes(residentBytes)} MB  heap ${megabytes(heapBytes)}  external ${megabytes(externalBytes)}  descriptors ${descriptors}`
}
