import { describe, expect, it, onTestFinished } from 'vitest'
import { nodeListener } from '../../../src/server/http/node-listener.ts'
import { echo } from '../applications.ts'
import { RawClient, requestText, validHandshake } from '../raw-client.ts'
import { eventually, serving } from '../serving.ts'

const HOST = { Host: 'localhost' }
const smuggled = requestText('GET /smuggled HTTP/1.1', HOST)
const handshake = requestText('GET /smuggled HTTP/1.1', validHandshake)

const refusals: readonly (readonly [name: string, request: string, status: number])[] = [
  ['two Hosts', requestText('GET / HTTP/1.1', { Host: ['a', 'b'] }), 400],
  ['an invalid Host', requestText('GET / HTTP/1.1', { Host: 'x/y@z' }), 400],
  ['no Host', 'GET / HTTP/1.1\r\n\r\n', 400],
  ['Transfer-Encoding in HTTP/1.0', 'POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n', 400],
  [
    'an unknown transfer coding',
    requestText('POST / HTTP/1.1', { ...HOST, 'Transfer-Encoding': 'gzip, chunked' }) + '0\r\n\r\n',
    501,
  ],
  ['too many headers', requestText('GET / HTTP/1.1', { ...HOST, A: '1', B: '1', C: '1', D: '1', E: '1' }), 431],
]

/** A server that records the paths of its requests, and answers `/wait` when the test calls. */
async function recording() {
  const paths: string[] = []
  const waiting: (() => void)[] = []
  const http = nodeListener(({ url }, response) => {
    paths.push(url!)
    if (url === '/wait') waiting.push(() => response.end('waited'))
    else response.end('ok')
  })
  const server = await serving({ http, websocket: echo }, { maxHeaders: 5 })
  const client = await RawClient.connect(server.port)
  onTestFinished(() => void client.socket.destroy())
  return { server, client, paths, waiting }
}

describe.each(refusals)('a request with %s', (_name, request, status) => {
  it('is refused, and a request after it in the same packet never reaches the application', async () => {
    const { client, paths, server } = await recording()
    client.write(request + smuggled)
    expect((await client.response()).status).toBe(status)
    await eventually(() => server.stats().sockets.open).toBe(0)
    expect(paths).toEqual([])
  })

  it('is refused, and a request or handshake in a later packet never reaches the application', async () => {
    const { client, paths, waiting, server } = await recording()
    client.write(requestText('GET /wait HTTP/1.1', HOST) + request)
    await eventually(() => waiting.length).toBe(1)
    // The refusal waits for the response before it, so that the connection is still open when the later packet arrives.
    client.write(smuggled + handshake)
    const other = await RawClient.connect(server.port)
    other.write(requestText('GET /other HTTP/1.1', { ...HOST, Connection: 'close' }))
    await other.response()
    waiting[0]!()
    await client.over()
    expect(client.received.toString()).toContain(`HTTP/1.1 ${status} `)
    await eventually(() => server.stats().sockets.open).toBe(0)
    expect(paths).toEqual(['/wait', '/other'])
    expect(server.stats().handshakes.total).toBe(0)
  })

  it('is refused, and a handshake after it in the same packet never reaches the application', async () => {
    const { client, paths, server } = await recording()
    client.write(request + handshake)
    expect((await client.response()).status).toBe(status)
    await eventually(() => server.stats().sockets.open).toBe(0)
    expect(paths).toEqual([])
    expect(server.stats().handshakes.total).toBe(0)
  })
})
