import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { AllowedHosts } from '../../../src/server/handshake/allowed-hosts.ts'
import { nodeListener } from '../../../src/server/http/node-listener.ts'
import { echo } from '../applications.ts'
import { RawClient, requestText, validHandshake } from '../raw-client.ts'
import { serving, startServer, type ServerUnderTest } from '../serving.ts'

describe('a list of allowed hosts', () => {
  it.each([
    [['example.com'], 'example.com', true],
    [['example.com'], 'EXAMPLE.com:8443', true],
    [['example.com'], 'example.com.', true],
    [['example.com'], 'www.example.com', false],
    [['example.com'], 'example.com.evil.test', false],
    [['example.com'], 'evilexample.com', false],
    [['.example.com'], 'example.com', true],
    [['.example.com'], 'a.b.example.com:80', true],
    [['.example.com'], 'evilexample.com', false],
    [['Bücher.example'], 'xn--bcher-kva.example', true],
    [['127.0.0.1'], '127.0.0.1:8000', true],
    [['::1'], '[::1]:8000', true],
    [['[2001:DB8::1]'], '[2001:db8:0::1]', true],
    [['*'], 'any.test', true],
    [['*'], '', true],
    [['example.com'], '', false],
    [[], 'example.com', false],
  ])('%j for "%s": %s', (entries, host, expected) => {
    const hosts = new AllowedHosts(entries)
    expect([hosts.has(host), hosts.has(host)]).toEqual([expected, expected])
  })

  it.each(['https://example.com', 'example.com:80', 'example.com/', '*.example.com', '', '.', 'a b'])(
    'refuses the entry %j, which no Host could match',
    async (entry) => {
      const starting = startServer({ websocket: echo }, { allowedHosts: [entry] })
      await expect(starting).rejects.toMatchObject({ code: 'ERR_BAD_OPTION' })
    },
  )
})

describe.each(['request', 'handshake'])('the Host of a %s', (kind) => {
  let server: ServerUnderTest
  beforeAll(async () => {
    const http = nodeListener((_request, response) => response.end('hello'))
    const options = { allowedHosts: ['example.com'] }
    server = await startServer({ http, websocket: echo }, options)
  })
  afterAll(() => server.close(1))

  async function statusOf(requestLine: string, Host: string): Promise<number> {
    const client = await RawClient.connect(server.port)
    const head = kind === 'handshake' ? validHandshake : { Connection: 'close' }
    client.write(requestText(requestLine, { ...head, Host }))
    const { status } = await client.head()
    client.socket.destroy()
    return status
  }

  const ok = kind === 'handshake' ? 101 : 200

  it('is one of allowedHosts, or the response is 400', async () => {
    expect(await statusOf('GET / HTTP/1.1', 'example.com:8000')).toBe(ok)
    expect(await statusOf('GET / HTTP/1.1', 'evil.example')).toBe(400)
    expect(await statusOf('GET / HTTP/1.1', '127.0.0.1')).toBe(400)
  })

  it('is the host of the target in absolute form', async () => {
    expect(await statusOf('GET http://example.com/ HTTP/1.1', 'evil.example')).toBe(ok)
    expect(await statusOf('GET http://evil.example/ HTTP/1.1', 'example.com')).toBe(400)
  })
})

describe('the probe of a load balancer', () => {
  it('is answered at readinessPath with any Host', async () => {
    const http = nodeListener((_request, response) => response.end('hello'))
    const server = await serving({ http }, { allowedHosts: ['example.com'], readinessPath: '/readyz' })
    expect([(await fetch(`${server.url}/readyz`)).status, (await fetch(server.url)).status]).toEqual([200, 400])
  })
})
