import { once } from 'node:events'
import { connect } from 'node:net'
import { describe, expect, it, onTestFinished } from 'vitest'
import { WebSocket } from 'ws'
import { describeWith } from '../../../../../test/setup/describe-with.ts'
import type { Application } from '../../../src/asgi/application.ts'
import type { HttpScope, WebSocketScope } from '../../../src/asgi/scope.ts'
import { nodeListener } from '../../../src/server/http/node-listener.ts'
import type { ServeOptions } from '../../../src/server/options.ts'
import type { TlsExtension } from '../../../src/server/transport/tls/tls-extension.ts'
import { accepting, echo } from '../applications.ts'
import { eventually, serving, type ServerUnderTest } from '../serving.ts'
import { suiteCertificates } from './certificates.ts'
import { getHttps, openTls } from './tls-client.ts'

function tlsOf(scope: HttpScope | WebSocketScope): TlsExtension {
  return scope.extensions!['tls'] as TlsExtension
}

/** What an application can say of its connection. */
function described(scope: HttpScope | WebSocketScope): object {
  const { serverCert, clientCertChain, clientCertName, clientCertError, tlsVersion, cipherSuite } = tlsOf(scope)
  const { scheme, httpVersion } = scope
  return {
    scheme,
    httpVersion,
    serverCert,
    clientCertChain,
    clientCertName,
    clientCertError,
    tlsVersion,
    cipherSuite,
    extensions: Object.keys(scope.extensions!),
  }
}

const tell: Application<HttpScope> = async (scope, _receive, send) => {
  await send({ type: 'http.response.start', status: 200 })
  await send({ type: 'http.response.body', body: JSON.stringify(described(scope)) })
}

const tellWebSocket = accepting(({ scope, send }) =>
  send({ type: 'websocket.send', text: JSON.stringify(described(scope)) }),
)

describeWith(['openssl'], 'TLS at the server', () => {
  const certificates = suiteCertificates()

  function secure(options: ServeOptions = {}, websocket: Application<WebSocketScope> = echo): Promise<ServerUnderTest> {
    const { keyFile, certFile } = certificates.pair
    return serving({ http: tell, websocket }, { tlsKey: keyFile, tlsCert: certFile, ...options })
  }

  it('answers over https, with https in its URLs and scopes', async () => {
    const server = await secure()
    expect([server.url, server.webSocketUrl]).toEqual([
      `https://127.0.0.1:${server.port}`,
      `wss://127.0.0.1:${server.port}`,
    ])
    const { status, body } = await getHttps(server.url, { ca: certificates.pair.cert })
    expect(status).toBe(200)
    expect(JSON.parse(body)).toMatchObject({ scheme: 'https', httpVersion: '1.1' })
  })

  it('passes requests to a Node listener', async () => {
    const listener = nodeListener((request, response) => response.end(`${request.method} ${request.url}`))
    const server = await serving(
      { http: listener },
      { tlsKey: certificates.pair.keyFile, tlsCert: certificates.pair.certFile },
    )
    expect((await getHttps(`${server.url}/a?b`, { ca: certificates.pair.cert })).body).toBe('GET /a?b')
  })

  it('opens WebSockets over wss', async () => {
    const server = await secure({}, tellWebSocket)
    const client = new WebSocket(server.webSocketUrl, { ca: certificates.pair.cert })
    const [data] = (await once(client, 'message')) as [Buffer]
    expect(JSON.parse(data.toString())).toMatchObject({
      scheme: 'wss',
      httpVersion: '1.1',
      extensions: ['websocket.http.response', 'tls'],
    })
    const [code] = await once(client, 'close')
    expect(code).toBe(1000)
  })

  it('echoes messages that are larger than a TLS record', async () => {
    const server = await secure()
    const client = new WebSocket(server.webSocketUrl, { ca: certificates.pair.cert })
    await once(client, 'open')
    const text = 'räksmörgås '.repeat(40_000)
    client.send(text)
    const [data] = (await once(client, 'message')) as [Buffer]
    expect(data.toString()).toBe(text)
    client.close()
    await once(client, 'close')
  })

  it('accepts TLS 1.2 and 1.3, and rejects older versions', async () => {
    const { port } = await secure()
    for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
      const socket = await openTls(port, { ca: certificates.pair.cert, minVersion: version, maxVersion: version })
      expect(socket.getProtocol()).toBe(version)
    }
    const old = {
      ca: certificates.pair.cert,
      minVersion: 'TLSv1',
      maxVersion: 'TLSv1.1',
      ciphers: 'DEFAULT:@SECLEVEL=0',
    } as const
    await expect(openTls(port, old)).rejects.toMatchObject({ code: 'ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION' })
  })

  it('does not answer a client that speaks plain HTTP, and continues to serve', async () => {
    const server = await secure()
    await expect(fetch(server.url.replace('https', 'http'))).rejects.toThrow('fetch failed')
    expect((await getHttps(server.url, { ca: certificates.pair.cert })).status).toBe(200)
  })

  it('does not start with a certificate that it cannot use', async () => {
    await expect(secure({ tlsCert: '/no/cert.pem' })).rejects.toMatchObject({ code: 'ERR_BAD_CERTIFICATE' })
  })

  describe('the tls extension of the scope', () => {
    it('has the certificate of the server, the version and the cipher suite', async () => {
      const server = await secure()
      const ask = async (options: object): Promise<unknown> =>
        JSON.parse((await getHttps(server.url, { ca: certificates.pair.cert, ...options })).body)
      expect(await ask({ ciphers: 'TLS_AES_128_GCM_SHA256' })).toEqual({
        scheme: 'https',
        httpVersion: '1.1',
        serverCert: certificates.pair.cert,
        clientCertChain: [],
        tlsVersion: 0x0304,
        cipherSuite: 0x1301,
        extensions: [
          'http.response.early_hint',
          'http.response.trailers',
          'tideway.longResponse',
          'tideway.node',
          'tls',
        ],
      })
      expect(await ask({ maxVersion: 'TLSv1.2', ciphers: 'ECDHE-ECDSA-AES256-GCM-SHA384' })).toMatchObject({
        tlsVersion: 0x0303,
        cipherSuite: 0xc02c,
      })
    })

    it('has the certificate of a client, if tlsCa asks for one', async () => {
      const authority = certificates.folder.pair({ name: 'authority' })
      const anna = certificates.folder.pair({ name: 'anna', issuer: authority })
      const server = await secure({ tlsCa: authority.certFile })
      const { body } = await getHttps(server.url, { ca: certificates.pair.cert, key: anna.key, cert: anna.cert })
      expect(JSON.parse(body)).toMatchObject({
        clientCertChain: [anna.cert, authority.cert],
        clientCertName: 'CN=anna,O=Tideway',
      })
      const stranger = certificates.folder.pair({ name: 'anna' })
      for (const { key, cert } of [{ key: undefined, cert: undefined }, stranger]) {
        await expect(getHttps(server.url, { ca: certificates.pair.cert, key, cert })).rejects.toThrow(
          /alert|hang up|RESET/,
        )
      }
    })

    it('is missing without TLS', async () => {
      const keys: Application<HttpScope> = async (scope, _receive, send) => {
        await send({ type: 'http.response.start', status: 200 })
        await send({ type: 'http.response.body', body: Object.keys(scope.extensions!).join() })
      }
      const server = await serving({ http: keys })
      expect(await (await fetch(server.url)).text()).not.toContain('tls')
    })
  })

  describe('reloadTls()', () => {
    it('reads the files again for new connections, and keeps the open ones', async () => {
      const first = certificates.folder.pair({ name: 'first' })
      const keyFile = certificates.folder.file('now.key.pem', first.key)
      const certFile = certificates.folder.file('now.cert.pem', first.cert)
      const server = await secure({ tlsKey: keyFile, tlsCert: certFile })
      const before = new WebSocket(server.webSocketUrl, { ca: first.cert })
      await once(before, 'open')
      const second = certificates.folder.pair({ name: 'second' })
      certificates.folder.file('now.key.pem', second.key)
      certificates.folder.file('now.cert.pem', second.cert)
      const nameNow = async (): Promise<string | undefined> =>
        (await getHttps(server.url, { ca: [first.cert, second.cert] })).certificateName
      expect(await nameNow()).toBe('first')
      await server.reloadTls()
      expect(await nameNow()).toBe('second')
      before.send('still here')
      const [data] = (await once(before, 'message')) as [Buffer]
      expect(data.toString()).toBe('still here')
      before.terminate()
    })

    it('keeps the old certificate if the new one cannot be used', async () => {
      const server = await secure()
      const other = certificates.folder.pair()
      await expect(server.reloadTls({ tlsKey: other.key, tlsCert: certificates.pair.cert })).rejects.toMatchObject({
        code: 'ERR_BAD_CERTIFICATE',
      })
      expect((await getHttps(server.url, { ca: certificates.pair.cert })).status).toBe(200)
    })

    it('rejects to change whether clients need a certificate', async () => {
      const server = await secure()
      await expect(
        server.reloadTls({
          tlsKey: certificates.pair.key,
          tlsCert: certificates.pair.cert,
          tlsCa: certificates.pair.cert,
        }),
      ).rejects.toMatchObject({
        code: 'ERR_BAD_OPTION',
      })
      expect((await getHttps(server.url, { ca: certificates.pair.cert })).status).toBe(200)
    })

    it('rejects without TLS', async () => {
      const server = await serving({ http: tell })
      await expect(
        server.reloadTls({ tlsKey: certificates.pair.key, tlsCert: certificates.pair.cert }),
      ).rejects.toMatchObject({
        code: 'ERR_BAD_OPTION',
      })
    })
  })

  describe('a client that does not finish its handshake', () => {
    it('is destroyed at its timeout, even if it sends bytes now and then', async () => {
      const server = await secure({ tlsHandshakeTimeoutMs: 200 })
      for (const trickles of [false, true]) {
        const socket = connect(server.port, '127.0.0.1')
        socket.on('error', () => {})
        // The head of a record of 16 kB, then a byte at a time.
        if (trickles) socket.write(Buffer.from('1603014000', 'hex'))
        const timer = setInterval(() => trickles && socket.write('x'), 20)
        socket.resume()
        // A reset is an end, too.
        await new Promise((resolve) => socket.once('close', resolve))
        clearInterval(timer)
        await eventually(() => server.stats().sockets.open).toBe(0)
      }
    })

    it('does not delay close()', async () => {
      const server = await secure()
      const socket = connect(server.port, '127.0.0.1').on('error', () => {})
      await once(socket, 'connect')
      await eventually(() => server.stats().sockets.open).toBe(1)
      const closed = once(socket.resume(), 'close')
      await server.close(10_000)
      await closed
    })

    it('counts as an open connection', async () => {
      const server = await secure({ maxConnections: 1 })
      const socket = connect(server.port, '127.0.0.1')
      onTestFinished(() => void socket.destroy())
      await once(socket, 'connect')
      await eventually(() => server.stats().sockets.open).toBe(1)
      expect(await getHttps(server.url, { ca: certificates.pair.cert })).toMatchObject({
        status: 503,
        headers: { 'retry-after': '5' },
      })
      socket.destroy()
      await eventually(async () => (await getHttps(server.url, { ca: certificates.pair.cert })).status).toBe(200)
      await eventually(() => server.stats().sockets.open).toBe(0)
    })
  })
})
