import { connect } from '@tideway/client'
import type { Row } from './application.ts'

export function start(url: string, show: (line: string) => void) {
  let count = 0
  const socket = connect<{ export: string }, Row>(url)
  socket.on('message', () => {
    if (++count % 1000 === 0) show(`${count} rows`)
  })
  socket.on('reconnecting', ({ code }) => {
    if (code === 1000) socket.close() // the server has sent all rows
  })
  socket.on('closed', () => show(`finished with ${count} rows`))
  socket.send({ export: 'orders' })
  return socket
}
