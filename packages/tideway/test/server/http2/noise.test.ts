import { assert, asyncProperty, array, constantFrom, nat, oneof, record, uint8Array } from 'fast-check'
import { expect, it } from 'vitest'
import { describeWith } from '../../../../../test/setup/describe-with.ts'
import { fetchHandler } from '../../../src/server/http/fetch-handler.ts'
import { clientFrame } from '../frames.ts'
import { echo } from '../applications.ts'
import { eventually, serving, type ServerUnderTest } from '../serving.ts'
import { suiteCertificates } from '../tls/certificates.ts'
import { get, openHttp2, openRawHttp2 } from './http2-client.ts'
import { frame, PREFACE } from './raw-frames.ts'
import { Http2WebSocket } from './http2-web-socket.ts'

/** Frames as a confused client sends them: any type, flags, stream and payload, and some that begin well. */
const anyFrame = record({
  type: nat(11),
  flags: nat(255),
  stream: oneof(constantFrom(0, 1, 3, 5), nat(0x7fffffff)),
  payload: oneof(uint8Array({ maxLength: 200 }), constantFrom(Buffer.from('828487410161', 'hex'))),
})

describeWith(['openssl'], 'random bytes', () => {
  const certificates = suiteCertificates()

  async function site(): Promise<ServerUnderTest> {
    const http = fetchHandler(async (request) => new Response(await request.text()))
    const tls = { tlsKey: certificates.pair.keyFile, tlsCert: certificates.pair.certFile }
    return serving({ http, websocket: echo }, { ...tls, headersTimeoutMs: 3000, keepAliveTimeoutMs: 3000 })
  }

  /** Sends the bytes on a new connection and ends it. */
  async function send(server: ServerUnderTest, bytes: Uint8Array): Promise<void> {
    const socket = await openRawHttp2(server.port, certificates.pair.cert)
    const closed = new Promise((resolve) => socket.once('close', resolve))
    socket.resume().end(bytes)
    await closed
  }

  async function isWell(server: ServerUnderTest): Promise<void> {
    const client = await openHttp2(server.url, { ca: certificates.pair.cert })
    expect((await get(client, '/')).status).toBe(200)
    client.destroy()
    await eventually(() => server.stats().sockets.open).toBe(0)
    await eventually(() => server.stats().requests.running).toBe(0)
    expect(server.connectionCount).toBe(0)
    expect(server.log.filter(({ level }) => level === 'error' || level === 'warn')).toEqual([])
  }

  it('leave the server intact on an HTTP/2 connection', async () => {
    const server = await site()
    await assert(
      asyncProperty(array(anyFrame, { maxLength: 20 }), async (frames) => {
        const bytes = frames.map(({ type, flags, stream, payload }) => frame(type, flags, stream, payload))
        await send(server, Buffer.concat([PREFACE, ...bytes]))
      }),
      { numRuns: 150 },
    )
    await isWell(server)
  })

  it('leave the server intact instead of HTTP/2', async () => {
    const server = await site()
    await assert(
      asyncProperty(uint8Array({ maxLength: 500 }), (bytes) => send(server, bytes)),
      { numRuns: 30 },
    )
    await isWell(server)
  })

  it('close only their own WebSocket', async () => {
    const server = await site()
    const client = await openHttp2(server.url, { ca: certificates.pair.cert })
    const good = await Http2WebSocket.open(client)
    await assert(
      asyncProperty(uint8Array({ minLength: 20, maxLength: 300 }), async (bytes) => {
        const socket = await Http2WebSocket.open(client)
        // The reserved bits make every frame invalid.
        socket.stream.end(Buffer.concat([Buffer.from([0xf1]), bytes]))
        await socket.closed()
        good.stream.write(clientFrame('text', 'well'))
        expect(await good.frame()).toBe('text well')
      }),
      { numRuns: 50 },
    )
    good.stream.close()
    client.close()
    await isWell(server)
  })
})
