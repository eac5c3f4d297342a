import { describe, inject, it } from 'vitest'

import type { PreparedPrograms } from './prepare-programs.ts'
import { systemPrograms, type ProgramName } from './system-programs.ts'

declare module 'vitest' {
  interface ProvidedContext {
    systemPrograms: PreparedPrograms
  }
}

/**
 * A suite that needs programs of the system. Where one is missing the suite is skipped, with one line on standard
 * error that names it; with `CI=true` it fails instead.
 *
 * The set-up reads the names from the call itself, so write them out: `describeWith(['redis'], 'a name', …)`.
 */
export function describeWith(programs: readonly ProgramName[], name: string, suite: () => void): void {
  const missing = programs.filter((program) => pathOf(program) === undefined)
  switch (whatToDo(missing, process.env)) {
    case 'run':
      describe(name, () => {
        suite()
      })
      return
    case 'skip':
      process.stderr.write(`SKIPPED: "${name}". ${explain(missing)}\n`)
      // oxlint-disable-next-line vitest/no-disabled-tests -- not forgotten: skipped for the reason just printed
      describe.skip(name, () => {
        suite()
      })
      return
    case 'fail':
      describe(name, () => {
        it('finds the system programs that it needs', () => {
          throw new Error(explain(missing))
        })
      })
  }
}

/** The path of a program that the suite asked for in {@link describeWith}. */
export function programPath(program: ProgramName): string {
  const path = pathOf(program)
  if (path === undefined) throw new Error(`Put the suite that uses it into describeWith(['${program}'], …).`)
  return path
}

function pathOf(program: ProgramName): string | undefined {
  return inject('systemPrograms')[program] ?? undefined
}

/** Skipping quietly is for laptops: where a green run is a promise to others, what cannot run has failed. */
export function whatToDo(missing: readonly ProgramName[], env: NodeJS.ProcessEnv): 'run' | 'skip' | 'fail' {
  if (missing.length === 0) return 'run'
  return env.CI === 'true' || env.CI === '1' ? 'fail' : 'skip'
}

/** Names what is missing and how to get it. */
export function explain(missing: readonly ProgramName[]): string {
  const packages = missing.flatMap((program) => systemPrograms[program].debianPackages)
  return `Missing on this machine: ${missing.join(', ')}. On Debian: apt-get install ${packages.join(' ')}`
}
