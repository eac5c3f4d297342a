import { execFile } from 'node:child_process'
import type { Redis } from 'ioredis'
import { startProgram, type ChildExit, type RunningProgram } from '../../../../test/setup/child-process.ts'
import { compileProgram, tidewayFor } from '../../../../test/setup/compiled.ts'

const JOBS_PER_KILL = 40

/**
 * The ids of the jobs that are sent before each kill of a worker: it has some of them, and leaves others. `KILL_SUITE_KILLS`
 * asks for more kills.
 */
export const killRounds: readonly (readonly number[])[] = Array.from(
  { length: Number(process.env['KILL_SUITE_KILLS'] ?? 3) },
  (_, round) => Array.from({ length: JOBS_PER_KILL }, (_, job) => round * JOBS_PER_KILL + job),
)

/** Returns the path of an application of the folder `fixtures`, compiled. */
export function fixture(name: string): string {
  return compileProgram(new URL(`fixtures/${name}`, import.meta.url))
}

/** A `tideway worker` of its own process, when it has said that it works. */
export function startWorker(args: readonly string[], env: Record<string, string>): Promise<RunningProgram> {
  return startProgram(process.execPath, [tidewayFor(args), 'worker', ...args], {
    ready: /Working on .*\n/,
    env: { NODE_ENV: 'production', ...env },
    startTimeoutMs: 60_000,
    stopTimeoutMs: 20_000,
  })
}

/** A run of `tideway` to its end: what it printed, and its exit code. */
export function runTideway(
  args: readonly string[],
  env: Record<string, string | undefined> = {},
): Promise<[string, number]> {
  return new Promise((resolve) => {
    execFile(
      process.execPath,
      [tidewayFor(args), ...args],
      { env: { ...process.env, ...env } },
      (error, stdout, stderr) => {
        resolve([stdout + stderr, error === null ? 0 : Number(error.code)])
      },
    )
  })
}

/** Ends a process as a crash would: nothing in it runs any more. */
export function kill(program: RunningProgram): Promise<ChildExit> {
  process.kill(program.pid, 'SIGKILL')
  return program.exited
}

/** Resolves when the list in Redis has at least so many items. */
export async function listReaches(redis: Redis, key: string, least: number): Promise<void> {
  while ((await redis.llen(key)) < least) await new Promise((resolve) => setTimeout(resolve, 10))
}

/** The numbers of a list in Redis. */
export async function numbersOf(redis: Redis, key: string): Promise<number[]> {
  return (await redis.lrange(key, 0, -1)).map(Number)
}
