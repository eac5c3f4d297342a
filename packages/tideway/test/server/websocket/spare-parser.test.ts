import { once } from 'node:events'
import { describe, expect, it } from 'vitest'
import { accepting } from '../applications.ts'
import { clientFrame } from '../frames.ts'
import { RawClient } from '../raw-client.ts'
import { serving } from '../serving.ts'

describe('connections that share a parser', () => {
  it('each keep their half of a frame or a message while the others send whole ones', async () => {
    const heard: string[] = []
    const websocket = accepting(async ({ scope, receive }) => {
      for (;;) {
        const event = await receive()
        if (event.type !== 'websocket.receive') return
        heard.push(`${scope.path} ${event.text}`)
      }
    })
    const server = await serving({ websocket })
    const paths = ['/a', '/b', '/c', '/d']
    const clients = await Promise.all(paths.map((path) => RawClient.open(server.port, path)))
    const other = await RawClient.open(server.port, '/e')
    const text = 'x'.repeat(200)
    // A header in two parts, a payload in two parts, a message in two frames, and a whole one.
    const frame = clientFrame('text', text)
    const [first, second] = [Buffer.from(frame), Buffer.from(frame)]
    second[0] = 0x80
    first[0] = 0x01
    const halves = [
      [frame.subarray(0, 3), frame.subarray(3)],
      [frame.subarray(0, 50), frame.subarray(50)],
      [first, second],
      [frame, frame],
    ]
    for (const half of [0, 1]) {
      for (const [i, client] of clients.entries()) {
        client.socket.write(halves[i]![half]!)
        // Its whole frames come between the halves of the others.
        other.hex('8980 00000000')
        expect(await other.frame()).toBe('pong ')
      }
    }
    for (const client of clients) {
      client.hex('8882 00000000 03e8')
      await once(client.socket, 'close')
    }
    expect(heard.toSorted()).toEqual([`/a ${text}`, `/b ${text}`, `/c ${text}${text}`, `/d ${text}`, `/d ${text}`])
  })
})
