import { spawnSync } from 'node:child_process'
import { mkdirSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** Whether this is the compiled bench. */
export const isBuilt: boolean = import.meta.url.includes('/dist/')

/** The folder of the bench, from dist/src as from src. */
export const benchFolder: string = fileURLToPath(new URL(isBuilt ? '../..' : '..', import.meta.url))
const built = join(benchFolder, '.build')

/** The load. It is C, so that it costs less than what it measures. */
export function loadProgram(): string {
  return compile('load', 'load')
}

/** The floor beside which servers are measured. */
export function floorProgram(): string {
  return compile('floor', 'peers', 'floor.c')
}

/** Compiles what is not compiled yet, or has changed since. */
function compile(name: string, folder: string, only?: string): string {
  const directory = join(benchFolder, folder)
  const files = (only === undefined ? readdirSync(directory) : [only]).map((file) => join(directory, file))
  const program = join(built, name)
  const newest = Math.max(...files.map((file) => statSync(file).mtimeMs))
  if ((statSync(program, { throwIfNoEntry: false })?.mtimeMs ?? 0) >= newest) return program
  mkdirSync(built, { recursive: true })
  const sources = files.filter((file) => file.endsWith('.c'))
  const { status, error, stderr } = spawnSync('cc', ['-O2', '-o', program, ...sources], { encoding: 'utf8' })
  if (error !== undefined)
    throw new Error('The load of the bench is C and needs a compiler (on Debian: apt-get install gcc libc6-dev).')
  if (status !== 0) throw new Error(`cc could not compile ${name}:\n${stderr}`)
  return program
}
