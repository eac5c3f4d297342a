import { append } from './append.ts'
import { http } from './http.ts'
import { joins } from './joins.ts'
import { memory } from './memory.ts'
import { presence } from './presence.ts'
import { resume } from './resume.ts'

// npm run bench -- kept [NAME...]: what kept groups cost, beside what they are built on.

const measurements = { append, resume, memory, presence, joins, http } as const

const names = process.argv.slice(2)
const unknown = names.find((name) => !(name in measurements))
if (unknown !== undefined) throw new Error(`There is no "${unknown}": ${Object.keys(measurements).join(', ')}.`)
for (const [name, measure] of Object.entries(measurements)) {
  if (names.length === 0 || names.includes(name)) await measure((line) => void process.stdout.write(`${line}\n`))
}
