import { closeSync, openSync } from 'node:fs'

/**
 * Calls a function at SIGHUP, which makes a server reload. A closed terminal sends the same signal: then the process stops, as
 * at SIGTERM.
 */
export function onHangup(reload: () => void): void {
  const isClosed = watchTerminal()
  let isStopping = false
  process.on('SIGHUP', () => {
    // A terminal may send it several times: to its session leader, and to its foreground processes.
    if (isStopping) return
    // Windows ends Node some seconds after its window was closed.
    isStopping = process.platform === 'win32' || isClosed()
    if (isStopping) process.kill(process.pid, 'SIGTERM')
    else reload()
  })
}

/**
 * Lets a process continue without its terminal, where every write fails. At exit it ends by SIGHUP, because Node aborts if it
 * cannot restore the settings of the terminal.
 * @returns a function that returns whether the present terminal is closed
 */
export function watchTerminal(): () => boolean {
  const hadTerminal = hasTerminal()
  const isClosed = (): boolean => hadTerminal && !hasTerminal()
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error) => {
      if (!isClosed()) throw error
    })
  }
  process.once('exit', () => {
    if (!isClosed()) return
    process.removeAllListeners('SIGHUP')
    process.kill(process.pid, 'SIGHUP')
  })
  return isClosed
}

/** Opening /dev/tty fails for a process without a terminal, or whose terminal was closed (tty(4)). */
function hasTerminal(): boolean {
  try {
    closeSync(openSync('/dev/tty', 'r'))
    return true
  } catch {
    return false
  }
}
