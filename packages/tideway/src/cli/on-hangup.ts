import { closeSync, openSync } from 'node:fs'

/**
 * Calls a function at SIGHUP, by which a server is told to take up what has changed. The same signal says that the
 * terminal of a process was closed: then the process is stopped, as by SIGTERM.
 */
export function onHangup(takeUpChanges: () => void): void {
  const hadTerminal = hasTerminal()
  process.on('SIGHUP', () => {
    // Node is ended by Windows some seconds after the window was closed, whatever it does.
    const isClosed = process.platform === 'win32' || (hadTerminal && !hasTerminal())
    if (isClosed) process.kill(process.pid, 'SIGTERM')
    else takeUpChanges()
  })
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
