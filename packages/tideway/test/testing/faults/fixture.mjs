// A server that reports its process id to each connection.
import { createServer } from 'node:net'

if (process.env.FAIL) {
  console.error('The fixture fails.')
  process.exit(3)
}
createServer((socket) => {
  socket.on('error', () => {})
  socket.write(`${process.pid}\n`)
}).listen(Number(process.env.PORT), '127.0.0.1')
