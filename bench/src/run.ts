import { cpus } from 'node:os'
import { parseArgs } from 'node:util'
import { soak } from '../soak/soak.ts'
import { measureCrossing } from './crossing.ts'
import { pin, startServer } from './server-process.ts'
import { formatRow } from './table.ts'
import { echo, fanOut, idle, type ServerPaths, type Work } from './work.ts'

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: {
    runs: { type: 'string', default: '5' },
    seconds: { type: 'string', default: '4' },
    // Of the soak.
    minutes: { type: 'string', default: '15' },
    connections: { type: 'string', default: '5000' },
  },
})
const runs = Number(values.runs)
const seconds = Number(values.seconds)

/** The first one is compared with the others. */
const servers: Readonly<Record<string, ServerPaths>> = {
  tideway: { chat: '/ws/chat/lobby/', echo: '/ws/json-echo/' },
  ws: { chat: '/', echo: '/echo' },
}

const suites: Readonly<Record<string, readonly Work[]>> = {
  fanout: [fanOut(1000, 8, seconds), fanOut(1000, 1, seconds)],
  echo: [echo(100, 8, seconds)],
  idle: [idle(10_000)],
}

const names = [...Object.keys(suites), 'redis']
const chosen = positionals.length === 0 || positionals.includes('all') ? names : positionals
const unknown = chosen.find((name) => !names.includes(name) && name !== 'soak')
if (unknown !== undefined) {
  console.error(`There is no suite "${unknown}": ${names.join(', ')}, all, soak.`)
  process.exit(2)
}

pin(process, 1)
console.log(
  `Node ${process.version}, ${cpus().length} × ${cpus()[0]?.model.trim() ?? 'unknown'}, ${new Date().toISOString().slice(0, 10)}`,
)
for (const work of chosen.flatMap((name) => suites[name] ?? [])) {
  const figures = new Map(Object.keys(servers).map((name): [string, number[]] => [name, []]))
  for (let run = 0; run < runs; run++) {
    // In turn and in changing order, so that what else the machine does falls on all alike.
    const order = Object.entries(servers)
    if (run % 2 === 1) order.reverse()
    for (const [name, paths] of order) {
      const server = await startServer(name)
      try {
        figures.get(name)!.push(await work.measure(server, paths))
      } finally {
        await server.stop()
      }
    }
  }
  console.log(formatRow({ work, figures }))
}
if (chosen.includes('redis')) await measureCrossing(runs, seconds)
if (chosen.includes('soak') && !(await soak(Number(values.minutes), Number(values.connections)))) process.exitCode = 1
