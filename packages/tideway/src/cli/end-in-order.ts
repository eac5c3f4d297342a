import { exitCodes } from './exit-codes.ts'

/** What is done at the end of a process, by the name that it has in messages. */
export type EndStep = readonly [name: string, run: () => Promise<unknown> | undefined]

/**
 * Does one step after the other, and then ends the process: with 0; with 1 when one of them failed, which keeps none of the
 * others from its turn; and with 3 when the time is over, saying what it waited for.
 * @param timeoutMs for all steps together
 * @param codeAtBest the exit code when nothing fails
 */
export async function endInOrder(
  steps: readonly EndStep[],
  timeoutMs: number,
  codeAtBest: number = exitCodes.stopped,
): Promise<never> {
  let current = ''
  const overdue = setTimeout(() => {
    console.error(`tideway: not all was over in ${timeoutMs / 1000} s. Ending without the rest of ${current}.`)
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
  // Whatever an application left running must not keep a stopped process alive.
  process.exit(code)
}
