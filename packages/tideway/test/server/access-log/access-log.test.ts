import { once } from 'node:events'
import { describe, expect, it, onTestFinished } from 'vitest'
import { WebSocket } from 'ws'
import type { Application } from '../../../src/asgi/application.ts'
import { NoRouteError } from '../../../src/asgi/no-route-error.ts'
import type { HttpScope, WebSocketScope } from '../../../src/asgi/scope.ts'
import type { AccessEntry } from '../../../src/server/observe/access-log/access-entry.ts'
import { commonLogLine, jsonLogLine } from '../../../src/server/observe/access-log/log-line.ts'
import { nodeListener } from '../../../src/server/http/node-listener.ts'
import type { ServeOptions } from '../../../src/server/options.ts'
import { Recorder } from '../applications.ts'
import { RawClient, requestText, validHandshake } from '../raw-client.ts'
import { eventually, serving, type Applications } from '../serving.ts'

async function logging(applications: Applications, options: ServeOptions = {}) {
  const entries: AccessEntry[] = []
  const server = await serving(applications, { accessLog: (entry) => void entries.push(entry), ...options })
  const lines = (): string[] => entries.map((entry) => commonLogLine(entry).replace(/\[.*\]/, '[…]'))
  return { server, entries, lines }
}

const hello: Application<HttpScope> = async (_scope, _receive, send) => {
  await send({ type: 'http.response.start', status: 201 })
  await send({ type: 'http.response.body', body: 'hello' })
}

async function rawHandshake(port: number, headers: Record<string, string> = {}): Promise<void> {
  const client = await RawClient.connect(port)
  onTestFinished(() => void client.socket.destroy())
  client.write(requestText('GET /ws/?token=abc HTTP/1.1', { ...validHandshake, ...headers }))
  await client.head()
}

describe('the access log of HTTP', () => {
  it.each<{ name: string; http: Application<HttpScope> }>([
    { name: 'an application', http: hello },
    { name: 'a Node listener', http: nodeListener((_request, response) => response.writeHead(201).end('hello')) },
  ])('has a line for each request to $name: status, bytes of the body', async ({ http }) => {
    const { server, lines, entries } = await logging({ http })
    await (await fetch(`${server.url}/a?b=c`)).text()
    await (await fetch(`${server.url}/a`, { method: 'HEAD' })).text()
    await eventually(() => entries.length).toBe(2)
    expect(lines()[0]).toMatch(/^127\.0\.0\.1 - - \[…\] "GET \/a\?b=c HTTP\/1\.1" 201 (5|15)$/)
    expect(lines()[1]).toBe('127.0.0.1 - - […] "HEAD /a HTTP/1.1" 201 0')
    expect(entries[0]!.durationMs).toBeGreaterThan(0)
  })

  it('redacts the values of secret parameters', async () => {
    const { server, lines } = await logging({ http: hello })
    await fetch(`${server.url}/login?next=%2F&token=abc`)
    await eventually(lines).toHaveLength(1)
    expect(lines()[0]).toContain('"GET /login?next=%2F&token=REDACTED HTTP/1.1"')
  })

  it('has the client address from a trusted proxy', async () => {
    const { server, lines } = await logging({ http: hello }, { proxyHeaders: true })
    await fetch(server.url, { headers: { 'X-Forwarded-For': '192.0.2.7' } })
    await eventually(lines).toHaveLength(1)
    expect(lines()[0]).toMatch(/^192\.0\.2\.7 - - /)
  })

  it('has 499 for a client that disconnected', async () => {
    const gone = new AbortController()
    const { server, lines } = await logging({
      http: async (_scope, receive) => {
        gone.abort()
        while ((await receive()).type !== 'http.disconnect');
      },
    })
    await expect(fetch(server.url, { signal: gone.signal })).rejects.toThrow('aborted')
    await eventually(lines).toEqual(['127.0.0.1 - - […] "GET / HTTP/1.1" 499 0'])
  })

  it('logs requests that the server refuses', async () => {
    const { server, lines } = await logging({ http: hello }, { maxHeaders: 1 })
    await fetch(server.url)
    await eventually(lines).toHaveLength(1)
    expect(lines()[0]).toContain('"GET / HTTP/1.1" 431 ')
  })
})

describe('the access log of WebSockets', () => {
  it('has a line for the handshake, the connection and its end', async () => {
    const { server, lines, entries } = await logging({ websocket: new Recorder().application })
    const client = new WebSocket(`${server.webSocketUrl}/ws/?token=abc`)
    await once(client, 'open')
    client.close(4001)
    await eventually(() => entries.length).toBe(3)
    expect(lines()).toEqual([
      '127.0.0.1 - - […] "WSCONNECTING /ws/?token=REDACTED" - -',
      '127.0.0.1 - - […] "WSCONNECT /ws/?token=REDACTED" - -',
      '127.0.0.1 - - […] "WSDISCONNECT /ws/?token=REDACTED" - -',
    ])
    expect(entries[2]).toMatchObject({ type: 'websocket', event: 'disconnect', code: 4001 })
  })

  it.each<{ how: string; outcome: string; websocket: Application<WebSocketScope> }>([
    {
      how: 'by a close',
      outcome: '403 -',
      websocket: async (_scope, _receive, send) => send({ type: 'websocket.close' }),
    },
    {
      how: 'by a close with a reason',
      outcome: String.raw`403 - "not a member of \x22lobby\x22"`,
      websocket: async (_scope, _receive, send) => send({ type: 'websocket.close', reason: 'not a member of "lobby"' }),
    },
    {
      how: 'by an error of the client',
      outcome: String.raw`404 - "No route matches the path \x22/ws/\x22."`,
      websocket: () => Promise.reject(new NoRouteError('/ws/')),
    },
    {
      how: 'by a denial response',
      outcome: '418 -',
      websocket: async (_scope, _receive, send) => {
        await send({ type: 'websocket.http.response.start', status: 418 })
        await send({ type: 'websocket.http.response.body' })
      },
    },
    { how: 'by an error', outcome: '500 -', websocket: () => Promise.reject(new Error('a bug')) },
  ])('has a rejection $how with status and reason, once, and no disconnect', async ({ outcome, websocket }) => {
    const { server, lines } = await logging({ websocket })
    await rawHandshake(server.port)
    await eventually(() => server.connectionCount).toBe(0)
    expect(lines()).toEqual([
      '127.0.0.1 - - […] "WSCONNECTING /ws/?token=REDACTED" - -',
      `127.0.0.1 - - […] "WSREJECT /ws/?token=REDACTED" ${outcome}`,
    ])
  })

  it('logs a rejection by the server itself', async () => {
    const { server, entries } = await logging({ websocket: new Recorder().application })
    await rawHandshake(server.port, { 'Sec-WebSocket-Key': 'x' })
    const reason = 'Sec-WebSocket-Key is missing or invalid.'
    expect(entries).toMatchObject([{ event: 'reject', status: 400, path: '/ws/?token=REDACTED', reason }])
  })
})

describe('a line of the access log', () => {
  const entry: AccessEntry = {
    type: 'http',
    time: new Date('2026-03-02T09:05:07.123Z'),
    client: '192.0.2.1',
    path: '/a',
    durationMs: 1.234567,
    method: 'GET',
    httpVersion: '1.1',
    status: 200,
    bytes: 12,
  }

  it('is in common log format', () => {
    expect(commonLogLine(entry)).toBe('192.0.2.1 - - [02/Mar/2026:09:05:07 +0000] "GET /a HTTP/1.1" 200 12')
  })

  it('is JSON', () => {
    expect(JSON.parse(jsonLogLine(entry))).toEqual({ ...entry, time: '2026-03-02T09:05:07.123Z', durationMs: 1.235 })
    expect(jsonLogLine(entry)).not.toContain('\n')
  })

  it('escapes a path that tries to forge a line', () => {
    expect(commonLogLine({ ...entry, path: '/" 200 1\n127.0.0.1\\' })).toContain(
      String.raw`"GET /\x22 200 1\x0a127.0.0.1\x5c HTTP/1.1"`,
    )
  })

  it('has a dash for the client of a Unix socket', () => {
    expect(commonLogLine({ ...entry, client: undefined })).toMatch(/^- - - \[/)
  })
})
