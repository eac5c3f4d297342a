import { exitCodes } from './exit-codes.ts'

/** One step at the end of a process, with its name in messages. */
export type EndStep = readonly [name: string, run: () => Promise<unknown> | undefined]

/**
 * Runs the steps in order, and then ends the process: with 0; with 1 if a step failed, after running the remaining steps; and
 * with 3 if the time is over, with a message that names the unfinished step.
 * @param timeoutMs for all steps together
 * @param codeAtBest the exit code if nothing fails
 */
export async function endInOrder(
  steps: readonly EndStep[],
  timeoutMs: number,
  codeAtBest: number = exitCodes.stopped,
): Promise<never> {
  let current = ''
  const overdue = setTimeout(() => {
    console.error(`tideway: the shutdown took over ${timeoutMs / 1000} s. Exiting without the rest of ${current}.`)
    process.exit(exitCodes.overdue)
  }, timeoutMs)
  let code = codeAtBest
  for (const [name, run] of steps) {
    current = name
    try {
      await run()
    } catch (error) {
      console.error(error)
      code = exitCodes.failed
    }
  }
  clearTimeout(overdue)
  // Timers and sockets of the application must not keep a stopped process alive.
  process.exit(code)
}
