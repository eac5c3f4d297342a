import { basename } from 'node:path'

/** A moment in which a processor was in a function of a server. */
export interface Sample {
  /** As the linker names it, or V8: `JS:*name file:line:column`. */
  readonly symbol: string
  /** The file that the function is in, or `[kernel.kallsyms]`. */
  readonly object: string
}

/** The parts of a server's processor time, in the order of the table. Code of another file has the name of the file as its part. */
export const PARTS = [
  'kernel',
  'Node, native',
  'V8, built-in functions and runtime',
  'JSON, native',
  'garbage collector',
  'compilers of V8',
  'Node, JavaScript',
  'tideway',
  'application',
] as const

/** Reads what `perf script -F ip,sym,dso` prints. */
export function parseSamples(printed: string): Sample[] {
  return printed.split('\n').flatMap((line): Sample[] => {
    const match = /^\s*[0-9a-f]+ (.+) \((.+)\)$/.exec(line)
    return match === null ? [] : [{ symbol: match[1]!, object: match[2]! }]
  })
}

const OF_JSON = /v8::internal::Json/
const OF_COLLECTOR =
  /v8::internal::.*(Scaveng|Mark(?!er)|Sweep|Evacuat|Heap(?!Object|Number)|NewSpace|GlobalHandles|Weak|RememberedSet|Compact|Reclaim|Collect)|cppgc/
const OF_COMPILERS =
  /v8::internal::(.*::)?(compiler|interpreter|baseline|maglev|turboshaft)::|v8::internal::.*(Compil|Pars|Scanner|AstValue|Scope|Optimiz|Turbo|Assembler|Bytecode|RegisterAllocat)/

/** The part of a server that a sample belongs to. */
export function partOf({ symbol, object }: Sample): string {
  if (object.startsWith('[')) return 'kernel'
  if (object.endsWith('.map')) return partOfScript(symbol)
  const isOfNode = basename(object) === 'node'
  if (!isOfNode) return /^(lib|ld-)/.test(basename(object)) ? 'Node, native' : basename(object)
  if (OF_JSON.test(symbol)) return 'JSON, native'
  if (OF_COLLECTOR.test(symbol)) return 'garbage collector'
  if (OF_COMPILERS.test(symbol)) return 'compilers of V8'
  return /^(Builtins_|v8::)/.test(symbol) ? 'V8, built-in functions and runtime' : 'Node, native'
}

/** Compiled JavaScript and the small pieces of machine code that V8 writes for itself. */
function partOfScript(symbol: string): string {
  if (symbol.includes(' node:')) return 'Node, JavaScript'
  if (/\/packages\/[^/]+\/dist\//.test(symbol)) return 'tideway'
  return symbol.includes(' file:') || symbol.includes(' /') ? 'application' : 'V8, built-in functions and runtime'
}

/** The name of a function as the table has it: without the paths of the machine and the arguments of C++. */
export function functionName({ symbol, object }: Sample): string {
  if (!object.endsWith('.map')) return symbol.replaceAll('(anonymous namespace)::', '').replace(/\(.*$/, '')
  const [, name = '', place = ''] = /^\w+:\W?(\S*) (.*)$/.exec(symbol) ?? [undefined, symbol]
  const file = place
    .replace(/^.*\/(?:packages|node_modules)\//, '')
    .replace(/^file:.*\//, '')
    .replace(/:\d+$/, '')
  return `${name === '' ? '(anonymous)' : name} ${file}`.trim()
}

/** How many samples have the same key, the most frequent first. */
export function countBy(samples: readonly Sample[], key: (sample: Sample) => string): (readonly [string, number])[] {
  const counts = new Map<string, number>()
  for (const sample of samples) counts.set(key(sample), (counts.get(key(sample)) ?? 0) + 1)
  return [...counts].toSorted((a, b) => b[1] - a[1])
}
