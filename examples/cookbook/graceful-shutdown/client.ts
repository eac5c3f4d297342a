import { connect, describeState } from '@tideway/client'

export function start(url: string, show: (line: string) => void) {
  const socket = connect<string>(url)
  socket.on('state', (state) => show(describeState(state)))
  socket.on('reconnecting', ({ code }) => code === 1012 && show('The server restarts.'))
  return socket
}
