import { readFileSync } from 'node:fs'

/** The objects of one name in a heap. */
export interface Kept {
  readonly count: number
  /** Their own bytes, without the objects that they refer to. */
  readonly bytes: number
}

/** The part of V8's format that is read. `nodes` has a row of `node_fields` for each object. */
interface Snapshot {
  readonly snapshot: {
    readonly meta: { readonly node_fields: readonly string[]; readonly node_types: readonly [readonly string[]] }
  }
  readonly nodes: readonly number[]
  readonly strings: readonly string[]
}

/** Counts the objects of a heap snapshot by constructor, by function name, and by type for objects without a name. */
export function readHeapSnapshot(file: string): ReadonlyMap<string, Kept> {
  const { snapshot, nodes, strings } = JSON.parse(readFileSync(file, 'utf8')) as Snapshot
  const { node_fields: fields, node_types: types } = snapshot.meta
  const [type, name, size] = ['type', 'name', 'self_size'].map((field) => fields.indexOf(field)) as [
    number,
    number,
    number,
  ]
  const kept = new Map<string, Kept>()
  for (let at = 0; at < nodes.length; at += fields.length) {
    const key = describe(types[0][nodes[at + type]!]!, strings[nodes[at + name]!]!)
    const { count, bytes } = kept.get(key) ?? { count: 0, bytes: 0 }
    kept.set(key, { count: count + 1, bytes: bytes + nodes[at + size]! })
  }
  return kept
}

function describe(type: string, name: string): string {
  // The name of a string is its text.
  if (type.endsWith('string') || type === 'number') return type
  if (type === 'closure') return `function ${name}`
  return type === 'object' ? name : `${type} ${name}`.trimEnd()
}
