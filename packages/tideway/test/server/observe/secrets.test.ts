import { inspect } from 'node:util'
import { describe, expect, it } from 'vitest'
import type { Application } from '../../../src/asgi/application.ts'
import type { HttpScope, WebSocketScope } from '../../../src/asgi/scope.ts'
import { commonLogLine, jsonLogLine } from '../../../src/server/observe/access-log/log-line.ts'
import { nodeListener } from '../../../src/server/http/node-listener.ts'
import type { ServeOptions } from '../../../src/server/options.ts'
import { RawClient, requestText, validHandshake } from '../raw-client.ts'
import { eventually, serving, type Applications } from '../serving.ts'

const SECRET = 'Planted5ecret'
const query = `?ticket=${SECRET}&ws_token=${SECRET}&wristband=${SECRET}&a=1`

const failing: Application<HttpScope | WebSocketScope> = async () => {
  throw new Error('It failed')
}
const notFound: Application<HttpScope | WebSocketScope> = async () => {
  throw Object.assign(new Error('Not here'), { status: 404 })
}
const silent: Application<HttpScope | WebSocketScope> = async (_scope, receive) => {
  while (!(await receive()).type.endsWith('.disconnect'));
}
const throwing = nodeListener(() => {
  throw new Error('It failed')
})
const rejecting = nodeListener(async () => {
  throw new Error('It failed')
})

describe('a log line of a server', () => {
  it.each<[what: string, applications: Applications, options: ServeOptions, head?: Record<string, string>]>([
    ['an application that throws', { http: failing }, {}],
    ['an application that throws for the client', { http: notFound }, {}],
    ['an application that takes too long', { http: silent }, { httpTimeoutMs: 1 }],
    ['a listener that throws', { http: throwing }, {}],
    ['a listener that rejects', { http: rejecting }, {}],
    ['a listener with a time limit', { http: throwing }, { httpTimeoutMs: 10_000 }],
    ['a request for another host', { http: throwing }, { allowedHosts: ['example.com'] }],
    ['a consumer that throws', { websocket: failing }, {}, validHandshake],
    ['a consumer that throws for the client', { websocket: notFound }, {}, validHandshake],
    ['a consumer that takes too long', { websocket: silent }, { connectTimeoutMs: 1 }, validHandshake],
    ['a handshake that is invalid', { websocket: silent }, {}, { ...validHandshake, 'Sec-WebSocket-Key': 'x' }],
    [
      'a handshake with a cookie of another site',
      { websocket: silent },
      { connectTimeoutMs: 1 },
      { ...validHandshake, Origin: 'http://a.test', Cookie: 'a=b' },
    ],
  ])('has no secret of the query: %s', async (_what, applications, options, head = { Host: 'localhost' }) => {
    const lines: string[] = []
    const server = await serving(applications, {
      secretQueryNames: ['wristband'],
      accessLog: (entry) => lines.push(commonLogLine(entry), jsonLogLine(entry)),
      ...options,
    })
    const client = await RawClient.connect(server.port)
    client.write(requestText(`GET /ws/${query} HTTP/1.1`, { Connection: 'close', ...head }))
    expect((await client.response()).status).toBeGreaterThanOrEqual(400)
    await eventually(() => lines.join('\n')).toContain('wristband=REDACTED&a=1')
    expect(`${lines.join('\n')}\n${inspect(server.log, { depth: 9 })}`).not.toContain(SECRET)
  })
})
