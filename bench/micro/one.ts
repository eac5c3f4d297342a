import { measure } from './measure.ts'
import { stackWorks } from './stack.ts'

// Each runs in its own process, because the connections of one would otherwise be garbage of the next.
const work = stackWorks[Number(process.argv[2])]
if (work === undefined) throw new RangeError(`There are ${stackWorks.length} works.`)
const { microseconds, bytes } = await measure(work, Number(process.argv[3]))
const figures = `${microseconds.toFixed(2).padStart(8)} µs ${Math.max(0, bytes).toFixed(0).padStart(7)} B`
console.log(`${figures}  a ${work.unit}: ${work.name}`)
process.exit(0)
