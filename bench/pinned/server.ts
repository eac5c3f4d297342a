import { defineApplication, serve, type Application, type HttpScope, type WebSocketScope } from 'tideway'

// The server of the bench `pinned`, with the default limits. Its parent asks for its figures.

/** What the server uses. */
export interface Usage {
  readonly residentBytes: number
  readonly connections: number
  /** Milliseconds of processor time of the process so far. */
  readonly cpuMs: number
}

const LARGE_BODY = Buffer.alloc(32 * 1024 * 1024, 'x')

const http: Application<HttpScope> = async (scope, receive, send) => {
  if (scope.path !== '/large') {
    while ((await receive()).type !== 'http.disconnect');
    return
  }
  await send({ type: 'http.response.start', status: 200 })
  await send({ type: 'http.response.body', body: LARGE_BODY })
  await receive()
}

const websocket: Application<WebSocketScope> = async (scope, receive, send) => {
  await receive()
  await send({ type: 'websocket.accept' })
  // A busy application reads nothing of its inbox.
  if (scope.path === '/busy') await new Promise(() => {})
  if (scope.path === '/send')
    for (let i = 0; i < 64; i++) void send({ type: 'websocket.send', bytes: new Uint8Array(60_000) })
  while ((await receive()).type !== 'websocket.disconnect');
}

const silent = { debug() {}, info() {}, warn() {}, error() {} }
const server = await serve(defineApplication({ http, websocket }), { port: 0, logger: silent })

process.on('message', () => {
  globalThis.gc!()
  const { user, system } = process.cpuUsage()
  process.send!({
    residentBytes: process.memoryUsage.rss(),
    connections: server.stats().sockets.open,
    cpuMs: (user + system) / 1000,
  } satisfies Usage)
})
process.send!({ port: server.port })
