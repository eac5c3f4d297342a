import { randomUUID } from 'node:crypto'
import { mkdirSync, renameSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'

/** Writes a file that other processes may read at any time: it appears complete. */
export function writeWhole(path: string, contents: Uint8Array): void {
  mkdirSync(dirname(path), { recursive: true })
  const incomplete = `${path}.${randomUUID()}`
  writeFileSync(incomplete, contents)
  renameSync(incomplete, path)
}
