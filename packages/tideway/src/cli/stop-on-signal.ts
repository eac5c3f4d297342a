import { exitCodes } from './exit-codes.ts'

/**
 * Calls `stop`, which ends the process, at SIGINT or SIGTERM. A second signal ends it at once with exit code 1.
 * @param message printed at the first signal
 * @param hurry called at the second signal, before the process ends
 */
export function stopOnSignal(
  message: string,
  stop: (signal: NodeJS.Signals) => Promise<never>,
  hurry?: () => void,
): void {
  const exitNow = (): never => {
    hurry?.()
    process.exit(exitCodes.failed)
  }
  const onSignal = (signal: NodeJS.Signals): void => {
    process.removeListener('SIGINT', onSignal).removeListener('SIGTERM', onSignal)
    process.once('SIGINT', exitNow).once('SIGTERM', exitNow)
    console.log(`${message} Press Ctrl+C again to force quit.`)
    void stop(signal)
  }
  process.on('SIGINT', onSignal).on('SIGTERM', onSignal)
}
