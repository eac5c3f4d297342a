import { closeSync, openSync } from 'node:fs'

/**
 * Calls a function at SIGHUP, by which a server is told to take up what has changed. The same signal says that the
 * terminal of a process was closed: then the process is stopped, as by SIGTERM.
 */
export function onHangup(takeUpChanges: () => void): void {
  const isClosed = watchTerminal()
  let isStopping = false
  process.on('SIGHUP', () => {
    // One terminal may send it several times: to the first process of its session, and to those in its foreground.
    if (isStopping) return
    // Node is ended by Windows some seconds after the window was closed, whatever it does.
    isStopping = process.platform === 'win32' || isClosed()
    if (isStopping) process.kill(process.pid, 'SIGTERM')
    else takeUpChanges()
  })
}

/**
 * Lets a process go on that has lost its terminal, where what it says there is an error; and at last end of SIGHUP, as Node
 * aborts when it cannot give the terminal its settings back.
 * @returns whether the terminal that the process has now is closed by then
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

/** Opening it fails for a process without a terminal, also when it has lost its one (tty(4)). */
function hasTerminal(): boolean {
  try {
    closeSync(openSync('/dev/tty', 'r'))
    return true
  } catch {
    return false
  }
}
