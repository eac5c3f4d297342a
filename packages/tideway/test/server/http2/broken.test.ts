import { once } from 'node:events'
import { connect } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { expect, it } from 'vitest'
import { describeWith } from '../../../../../test/setup/describe-with.ts'
import { nodeListener } from '../../../src/server/http/node-listener.ts'
import { eventually, serving } from '../serving.ts'
import { suiteCertificates } from '../tls/certificates.ts'
import { get, openHttp2 } from './http2-client.ts'
import { frame, PREFACE } from './raw-frames.ts'

describeWith(['openssl'], 'broken HTTP/2', () => {
  const certificates = suiteCertificates()

  it('affects only its own connection with a request and a protocol error in the same bytes', async () => {
    const http = nodeListener((_request, response) => void response.end('ok'))
    const server = await serving(
      { http },
      {
        tlsKey: certificates.pair.keyFile,
        tlsCert: certificates.pair.certFile,
        pingIntervalMs: 50,
        pingTimeoutMs: 200,
      },
    )
    const socket = connectTls({
      port: server.port,
      host: '127.0.0.1',
      ALPNProtocols: ['h2'],
      ca: certificates.pair.cert,
    })
    await new Promise((resolve) => socket.once('secureConnect', resolve))
    socket.on('error', () => {}).resume()
    // The preface, SETTINGS, GET / on stream 1, and DATA on stream 0, which RFC 9113 §6.1 makes a fault of the connection.
    socket.write(
      Buffer.concat([
        Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'),
        Buffer.from('000000040000000000', 'hex'),
        Buffer.from('000006010500000001828487410161', 'hex'),
        Buffer.from('00000100000000000078', 'hex'),
      ]),
    )
    const client = await openHttp2(server.url, { ca: certificates.pair.cert })
    expect(await get(client, '/')).toMatchObject({ body: 'ok' })
    client.close()
    // Node does not see that this client disconnects: it stops reading at the error.
    socket.destroy()
    await eventually(() => server.stats().sockets.open).toBe(0)
    expect(server.stats().requests.running).toBe(0)
  })

  it('leaves nothing behind if clients disconnect during the response, after a protocol error', async () => {
    const server = await serving(
      { http: nodeListener((request, response) => void request.pipe(response)) },
      { tlsKey: certificates.pair.keyFile, tlsCert: certificates.pair.certFile, keepAliveTimeoutMs: 300 },
    )
    // The response is larger than the 4 KiB above which Node writes while it is still reading. DATA on stream 0 follows.
    const bytes = Buffer.concat([
      PREFACE,
      frame(0x1, 0x4, 1, Buffer.from('838487410161', 'hex')),
      ...[4600, 9300, 4600, 43, 48, 11_161, 124].map((length) => frame(0x0, 0, 1, Buffer.alloc(length, 'x'))),
      frame(0x0, 0, 0, Buffer.from('x')),
    ])
    const hangUp = async (): Promise<void> => {
      const tcp = connect(server.port, '127.0.0.1').on('error', () => {})
      const socket = connectTls({ socket: tcp, ALPNProtocols: ['h2'], ca: certificates.pair.cert, host: '127.0.0.1' })
      socket.on('error', () => {})
      await once(socket, 'secureConnect')
      await new Promise((resolve) => socket.write(bytes, resolve))
      tcp.resetAndDestroy()
    }
    for (let i = 0; i < 10; i++) await Promise.all(Array.from({ length: 30 }, hangUp))
    await eventually(() => server.stats().sockets.open).toBe(0)
    expect(server.stats().requests.running).toBe(0)
  })
})
