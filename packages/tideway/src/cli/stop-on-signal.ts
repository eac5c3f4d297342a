/**
 * Ends the process in order: SIGINT or SIGTERM calls `stop`, and exits with 0 when it is done. A second signal exits at once
 * with 1.
 * @param message what is said at the first signal
 */
export function stopOnSignal(message: string, stop: () => Promise<void>): void {
  const onSignal = (): void => {
    process.removeListener('SIGINT', onSignal).removeListener('SIGTERM', onSignal)
    process.once('SIGINT', exitNow).once('SIGTERM', exitNow)
    console.log(`${message} Once more to stop at once.`)
    stop().then(
      // Whatever an application left running must not keep a stopped process alive.
      () => process.exit(0),
      (error: unknown) => {
        console.error(error)
        process.exit(1)
      },
    )
  }
  process.on('SIGINT', onSignal).on('SIGTERM', onSignal)
}

function exitNow(): never {
  process.exit(1)
}
