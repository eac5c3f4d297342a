import type { Socket } from 'node:net'
import { WebSocketServer } from 'ws'

// The chat of ws.ts as one writes it who wants the most of ws: each message is framed once, and the same bytes are written to the
// socket of every member, past ws (and past its checks: this is for comparison, not for use).

const server = new WebSocketServer({
  port: Number(process.argv[2]),
  host: '127.0.0.1',
  perMessageDeflate: false,
  clientTracking: false,
})
const members = new Set<Socket>()

function frameOf(text: string): Buffer {
  const payload = Buffer.from(text)
  const { length } = payload
  const header = length < 126 ? [0x81, length] : [0x81, 126, length >> 8, length & 0xff]
  return Buffer.concat([Buffer.from(header), payload])
}

server.on('connection', (socket, { socket: own }) => {
  members.add(own)
  socket.on('close', () => members.delete(own))
  socket.on('message', (data: Buffer) => {
    const { message } = JSON.parse(data.toString()) as { message: string }
    const frame = frameOf(JSON.stringify({ message, user: '' }))
    for (const member of members) member.write(frame)
  })
})
