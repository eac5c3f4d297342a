import { spawn } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { delimiter } from 'node:path'

import { findProgram, findSubstitute, systemPrograms, type ProgramName } from './system-programs.ts'

/** Where the path of each program that was looked for is; `null` for one that is missing. */
export type PreparedPrograms = Readonly<Partial<Record<ProgramName, string | null>>>

/** What {@link preparePrograms} has to know of the machine it runs on. */
export interface Machine {
  /** Like the variable `PATH`. */
  readonly searchPath: string
  /** Whether packages may be installed: a Debian where we are root. */
  readonly canInstall: boolean
  /** Where the one line about an installation goes. */
  readonly say: (line: string) => void
}

/** This machine. Daemons live in `sbin`, which is on the `PATH` of root only. */
export async function thisMachine(): Promise<Machine> {
  const searchPath = [process.env.PATH ?? '', '/usr/local/sbin', '/usr/sbin', '/sbin'].join(delimiter)
  const isDebian = await readFile('/etc/debian_version').then(
    () => true,
    () => false,
  )
  return {
    searchPath,
    canInstall: isDebian && process.getuid?.() === 0,
    say: (line) => process.stdout.write(`${line}\n`),
  }
}

/** Looks for the programs, and installs what is missing where the machine allows that. Never throws. */
export async function preparePrograms(names: readonly ProgramName[], machine: Machine): Promise<PreparedPrograms> {
  const found = await look(names, machine, findProgram)
  const missing = names.filter((name) => found[name] === null)
  if (missing.length > 0 && machine.canInstall) {
    const packages = missing.flatMap((name) => systemPrograms[name].debianPackages)
    machine.say(`Tests need ${missing.join(', ')}: installing ${packages.join(' ')} with apt-get.`)
    const problem = await install(packages, machine)
    if (problem !== undefined) machine.say(`apt-get could not install them: ${problem}`)
    Object.assign(found, await look(missing, machine, findProgram))
  }
  const stillMissing = missing.filter((name) => found[name] === null)
  return { ...found, ...(await look(stillMissing, machine, findSubstitute)) }
}

async function look(
  names: readonly ProgramName[],
  machine: Machine,
  find: typeof findProgram,
): Promise<Partial<Record<ProgramName, string | null>>> {
  const entries = names.map(
    async (name) => [name, (await find(systemPrograms[name], machine.searchPath)) ?? null] as const,
  )
  return Object.fromEntries(await Promise.all(entries)) as Partial<Record<ProgramName, string | null>>
}

/** Returns what went wrong, or nothing. */
async function install(packages: readonly string[], machine: Machine): Promise<string | undefined> {
  // A second test run, or the system's own timer, may hold the lock of dpkg for a while.
  const lock = ['-o', 'DPkg::Lock::Timeout=120']
  const update = await aptGet(['update', '-q', ...lock], machine)
  const result = await aptGet(['install', '-y', '-q', '--no-install-recommends', ...lock, ...packages], machine)
  if (result.code === 0) return undefined
  return `${update.code === 0 ? '' : update.output}${result.output}`.trim().split('\n').slice(-8).join('\n')
}

function aptGet(args: readonly string[], machine: Machine): Promise<{ code: number | null; output: string }> {
  return new Promise((resolve) => {
    const child = spawn('apt-get', args, {
      // RUNLEVEL=1 tells Debian's maintainer scripts not to start the daemons: tests start their own, on free ports.
      env: { ...process.env, PATH: machine.searchPath, DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    let output = ''
    const keep = (chunk: Buffer): void => {
      output = (output + chunk.toString()).slice(-10_000)
    }
    child.stdout.on('data', keep)
    child.stderr.on('data', keep)
    child.once('error', (error) => resolve({ code: null, output: error.message }))
    child.once('close', (code) => resolve({ code, output }))
  })
}
