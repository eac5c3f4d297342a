import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { Bench } from 'tinybench'
import { formatIdle, measureIdle } from './idle.ts'
import { parts } from './parts.ts'
import { stackWorks } from './stack.ts'

// npm run bench -- micro [stack | idle | parser | framer | mailbox | router | layers]…

const STACK_MS = 4000
const PART_MS = 300

const names = ['stack', 'idle', ...Object.keys(parts)]
const asked = process.argv.slice(2)
const unknown = asked.find((name) => !names.includes(name))
if (unknown !== undefined) {
  console.error(`There is no micro bench "${unknown}": ${names.join(', ')}.`)
  process.exit(2)
}
const chosen = asked.length === 0 ? names : asked

if (chosen.includes('stack')) {
  console.log('The whole stack without a network (µs of CPU, bytes allocated):')
  const one = fileURLToPath(new URL('one.ts', import.meta.url))
  for (const number of stackWorks.keys()) {
    const args = [...process.execArgv, one, String(number), String(STACK_MS)]
    spawnSync(process.execPath, args, { stdio: 'inherit' })
  }
}
if (chosen.includes('idle')) {
  console.log('An idle connection in a room (bytes of heap, and its objects by name):')
  for (const server of ['tideway', 'ws']) console.log(formatIdle(await measureIdle(server, '/ws/chat/lobby/'), server))
}
for (const [name, add] of Object.entries(parts)) {
  if (!chosen.includes(name)) continue
  const bench = new Bench({ time: PART_MS })
  await add(bench)
  await bench.run()
  console.log(`${name} (median, ns):`)
  for (const { name: task, result } of bench.tasks) {
    const figure = 'latency' in result ? (result.latency.p50 * 1e6).toFixed(0) : result.state
    console.log(`${figure.padStart(11)}  ${task}`)
  }
}
