import { exitCodes } from './exit-codes.ts'

/**
 * SIGINT or SIGTERM calls `stop`, which ends the process. A second signal ends it at once, with 1.
 * @param message is printed at the first signal
 * @param hurry is called before the process ends at the second signal
 */
export function stopOnSignal(message: string, stop: () => Promise<never>, hurry?: () => void): void {
  const exitNow = (): never => {
    hurry?.()
    process.exit(exitCodes.failed)
  }
  const onSignal = (): void => {
    process.removeListener('SIGINT', onSignal).removeListener('SIGTERM', onSignal)
    process.once('SIGINT', exitNow).once('SIGTERM', exitNow)
    console.log(`${message} Press Ctrl+C again to force quit.`)
    void stop()
  }
  process.on('SIGINT', onSignal).on('SIGTERM', onSignal)
}
