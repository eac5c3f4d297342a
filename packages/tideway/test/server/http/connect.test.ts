import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, expect, it, onTestFinished } from 'vitest'
import { describeWith, programPath } from '../../../../../test/setup/describe-with.ts'
import type { AccessEntry } from '../../../src/server/observe/access-log/access-entry.ts'
import { setTraits } from '../../../src/asgi/application-traits.ts'
import { protocolTypeRouter } from '../../../src/routing/protocol-type-router.ts'
import { attach } from '../../../src/server/attach.ts'
import { nodeListener } from '../../../src/server/http/node-listener.ts'
import type { ServeOptions } from '../../../src/server/options.ts'
import { echo } from '../applications.ts'
import { RawClient, requestText } from '../raw-client.ts'
import { eventually, serving } from '../serving.ts'

const CONNECT = requestText('CONNECT example.com:443 HTTP/1.1', { Host: 'example.com:443' })

async function connected(options: ServeOptions = {}) {
  const waiting: (() => void)[] = []
  const http = nodeListener((request, response) => {
    waiting.push(() => response.end(`answer to ${request.url}`))
  })
  const server = await serving({ http, websocket: echo }, options)
  const client = await RawClient.connect(server.port, { allowHalfOpen: true })
  onTestFinished(() => void client.socket.destroy())
  return { server, client, waiting }
}

describe('a CONNECT over HTTP/1', () => {
  it('gets 501, and the connection ends', async () => {
    const { client } = await connected()
    client.write(CONNECT)
    const { status, headers, body } = await client.response()
    expect([status, headers['connection']]).toEqual([501, 'close'])
    expect(body).toBe('This server is not a proxy: it does not implement CONNECT.\n')
    expect(client.error).toBeUndefined()
  })

  it('counts as a request in the access log and the statistics', async () => {
    const entries: AccessEntry[] = []
    const { client, server } = await connected({ accessLog: (entry) => entries.push(entry) })
    client.write(CONNECT)
    await client.response()
    client.socket.end()
    await eventually(() => entries).toMatchObject([
      { type: 'http', method: 'CONNECT', path: 'example.com:443', status: 501, client: '127.0.0.1' },
    ])
    const { requests, handshakes } = server.stats()
    expect(requests).toMatchObject({ running: 0, total: 1, responses: { '5xx': 1 }, aborted: 0 })
    expect(handshakes.total).toBe(0)
  })

  it('is answered after the requests before it', async () => {
    const { client, waiting } = await connected()
    client.write(requestText('GET /a HTTP/1.1', { Host: 'localhost' }) + CONNECT)
    await eventually(() => waiting.length).toBe(1)
    waiting[0]!()
    const { headers } = await client.head()
    expect((await client.bytes(Number(headers['content-length']))).toString()).toBe('answer to /a')
    expect((await client.response()).status).toBe(501)
  })

  it('is destroyed after closeTimeoutMs if its client never disconnects', async () => {
    const { client, server } = await connected({ closeTimeoutMs: 50 })
    client.write(CONNECT)
    client.write('what would go through the tunnel')
    expect((await client.response()).status).toBe(501)
    await eventually(() => server.stats().sockets.open).toBe(0)
  })

  it('leaves nothing behind if its client resets the connection', async () => {
    const { client, server } = await connected()
    // A connection that is reset before the server accepts it is not counted.
    await eventually(() => server.stats().sockets.total).toBe(1)
    client.write(CONNECT)
    client.reset()
    await eventually(() => server.stats().sockets).toMatchObject({ open: 0, total: 1 })
    expect(server.log).toEqual([])
  })

  it('is left to another listener of a shared server', async () => {
    const shared = createServer().on('connect', (_request, socket) => socket.end('HTTP/1.1 200 Tunnel\r\n\r\n'))
    const attachment = attach(shared, setTraits(protocolTypeRouter({ websocket: echo }), { checksOrigin: true }))
    onTestFinished(async () => {
      await attachment.close(1)
      shared.close()
    })
    await once(shared.listen(0, '127.0.0.1'), 'listening')
    const client = await RawClient.connect((shared.address() as AddressInfo).port)
    client.write(CONNECT)
    expect((await client.response()).statusLine).toBe('HTTP/1.1 200 Tunnel')
    await attachment.close(1)
    expect(shared.listenerCount('connect')).toBe(1)
  })

  describeWith(['curl'], 'of curl', () => {
    it('fails with the status', async () => {
      const { server } = await connected()
      const args = ['--silent', '--show-error', '--max-time', '30', '--proxy', server.url, 'https://example.com/']
      const curl = execFile(programPath('curl'), args)
      let said = ''
      curl.stderr!.on('data', (text: string) => (said += text))
      const [code] = (await once(curl, 'close')) as [number]
      expect(code).not.toBe(0)
      expect(said).toMatch(/CONNECT tunnel failed, response 501|Received HTTP code 501 from proxy after CONNECT/)
    })
  })
})
