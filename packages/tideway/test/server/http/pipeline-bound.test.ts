import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { describe, expect, it, onTestFinished } from 'vitest'
import { describeWith } from '../../../../../test/setup/describe-with.ts'
import type { Application } from '../../../src/asgi/application.ts'
import { setTraits } from '../../../src/asgi/application-traits.ts'
import type { HttpScope } from '../../../src/asgi/scope.ts'
import { attach } from '../../../src/server/attach.ts'
import { nodeExchange } from '../../../src/server/http/node-exchange.ts'
import { nodeListener } from '../../../src/server/http/node-listener.ts'
import type { ServeOptions } from '../../../src/server/options.ts'
import { RawClient, requestText } from '../raw-client.ts'
import { eventually, serving } from '../serving.ts'
import { suiteCertificates } from '../tls/certificates.ts'
import { openTls } from '../tls/tls-client.ts'

const COUNT = 400
const BOUND = 8

/** Records the handlers of pipelined requests. */
class Handlers {
  readonly begun: string[] = []
  running = 0
  mostAtOnce = 0
  closeListeners = 0
  socket: Socket | undefined
  readonly answers: (() => void)[] = []

  begin(path: string, socket: Socket, answer: () => void): void {
    this.begun.push(path)
    this.running++
    this.mostAtOnce = Math.max(this.mostAtOnce, this.running)
    this.closeListeners = Math.max(this.closeListeners, socket.listenerCount('close'))
    this.socket = socket
    this.answers.push(answer)
  }

  /** Answers all running requests. */
  answerAll(): void {
    for (const answer of this.answers.splice(0)) answer()
  }
}

function listening(handlers: Handlers) {
  return nodeListener(({ url, socket }, response) => {
    response.prependListener('close', () => handlers.running--)
    handlers.begin(url!, socket, () => response.end(url))
  })
}

function applicationOf(handlers: Handlers): Application<HttpScope> {
  return async (scope, receive, send) => {
    const { request } = nodeExchange(scope)!
    while (((await receive()) as { moreBody?: boolean }).moreBody === true);
    const answered = new Promise<void>((resolve) => handlers.begin(scope.rawPath, request.socket, resolve))
    const gone = receive()
    const outcome = await Promise.race([answered, gone])
    if (outcome === undefined) {
      await send({ type: 'http.response.start', status: 200 })
      await send({ type: 'http.response.body', body: scope.rawPath })
      await gone
    }
    handlers.running--
  }
}

const options: ServeOptions = { maxPipelinedRequests: BOUND }

const places: Readonly<Record<string, (handlers: Handlers, more?: ServeOptions) => Promise<number>>> = {
  'serve() with a nodeListener': async (handlers, more) =>
    (await serving({ http: listening(handlers) }, { ...options, ...more })).port,
  'serve() with an ASGI application': async (handlers, more) =>
    (await serving({ http: applicationOf(handlers) }, { ...options, ...more })).port,
  'attach()': async (handlers, more) => {
    const server = createServer()
    attach(server, setTraits(applicationOf(handlers) as Application, { checksOrigin: true }), { ...options, ...more })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    onTestFinished(() => {
      server.close()
      server.closeAllConnections()
    })
    return (server.address() as AddressInfo).port
  },
}

function requests(count: number): string {
  return Array.from({ length: count }, (_, i) => requestText(`GET /${i} HTTP/1.1`, { Host: 'a' })).join('')
}

/** The bodies of all responses, in order of arrival. */
function bodiesIn(received: Buffer): string[] {
  return [...received.toString().matchAll(/\r\n\r\n(\/\d+)/g)].map(([, body]) => body!)
}

const paths = Array.from({ length: COUNT }, (_, i) => `/${i}`)

describe.each(Object.entries(places))('pipelined requests to %s', (_name, start) => {
  it('run no more than maxPipelinedRequests at once, and are all answered in order', async () => {
    const handlers = new Handlers()
    const client = await RawClient.connect(await start(handlers))
    onTestFinished(() => void client.socket.destroy())
    client.write(requests(COUNT))
    await eventually(() => handlers.running).toBe(BOUND)
    await eventually(() => {
      handlers.answerAll()
      return bodiesIn(client.received).length
    }).toBe(COUNT)
    expect(bodiesIn(client.received)).toEqual(paths)
    expect(handlers.mostAtOnce).toBe(BOUND)
  })

  it('end with their client, and those above the bound never start', async () => {
    const handlers = new Handlers()
    // The server does not read the connection, so only its timeout shows that the client has disconnected.
    const client = await RawClient.connect(await start(handlers, { sendTimeoutMs: 100 }))
    client.write(requests(COUNT))
    await eventually(() => handlers.running).toBe(BOUND)
    client.socket.destroy()
    await eventually(() => handlers.running).toBe(0)
    expect(handlers.begun).toEqual(paths.slice(0, BOUND))
  })

  it('share one close listener on their socket', async () => {
    const handlers = new Handlers()
    const client = await RawClient.connect(await start(handlers))
    onTestFinished(() => void client.socket.destroy())
    client.write(requests(2))
    await eventually(() => handlers.running).toBe(2)
    const ofTwo = handlers.closeListeners
    client.write(requests(BOUND - 2))
    await eventually(() => handlers.running).toBe(BOUND)
    expect(handlers.closeListeners).toBe(ofTwo)
  })

  it('are not read from the socket while requests wait', async () => {
    const handlers = new Handlers()
    const port = await start(handlers)
    const client = await RawClient.connect(port)
    onTestFinished(() => void client.socket.destroy())
    const many = requests(100_000)
    client.write(many)
    await eventually(() => handlers.running).toBe(BOUND)
    // Gives the server enough ticks to read all of it.
    for (let i = 0; i < 50; i++) {
      const other = await RawClient.connect(port)
      other.write('GET / HTTP/0.1\r\n\r\n')
      await other.over()
    }
    expect(handlers.socket!.bytesRead).toBeLessThan(many.length / 4)
  })
})

describe('a pipelined request with a body', () => {
  it('gets its whole body if it is the last one that may run', async () => {
    const http: Application<HttpScope> = async (_scope, receive, send) => {
      let length = 0
      for (;;) {
        const event = await receive()
        if (event.type === 'http.disconnect') return
        length += event.body.byteLength
        if (!event.moreBody) break
      }
      await send({ type: 'http.response.start', status: 200 })
      await send({ type: 'http.response.body', body: `/${length}` })
    }
    const { port } = await serving({ http }, { maxPipelinedRequests: 1 })
    const client = await RawClient.connect(port)
    onTestFinished(() => void client.socket.destroy())
    const post = `${requestText('POST / HTTP/1.1', { Host: 'a', 'Content-Length': '300000' })}${'x'.repeat(300_000)}`
    client.write(post + post + post)
    await eventually(() => bodiesIn(client.received)).toEqual(['/300000', '/300000', '/300000'])
  })
})

describe('maxRequestsPerConnection', () => {
  it('closes the connection with the response to the last request, and ignores later requests', async () => {
    const handlers = new Handlers()
    const { port } = await serving({ http: listening(handlers) }, { maxRequestsPerConnection: 3 })
    const client = await RawClient.connect(port)
    client.write(requests(5))
    await eventually(() => handlers.running).toBe(3)
    handlers.answerAll()
    await client.over()
    expect(bodiesIn(client.received)).toEqual(['/0', '/1', '/2'])
    expect(client.received.toString().match(/Connection: .*/g)).toEqual([
      'Connection: keep-alive',
      'Connection: keep-alive',
      'Connection: close',
    ])
    expect(handlers.begun).toHaveLength(3)
  })

  it('sets no bound if it is false', async () => {
    const handlers = new Handlers()
    const { port } = await serving({ http: listening(handlers) }, { maxRequestsPerConnection: false })
    const client = await RawClient.connect(port)
    onTestFinished(() => void client.socket.destroy())
    client.write(requests(1100))
    await eventually(() => {
      handlers.answerAll()
      return handlers.begun.length
    }).toBe(1100)
  })
})

describeWith(['openssl'], 'pipelined requests over TLS', () => {
  const certificates = suiteCertificates()

  it('run no more than maxPipelinedRequests at once, and are all answered', async () => {
    const handlers = new Handlers()
    const { keyFile, certFile, cert } = certificates.pair
    const http = listening(handlers)
    const { port } = await serving({ http }, { ...options, tlsKey: keyFile, tlsCert: certFile })
    const socket = await openTls(port, { ca: cert, ALPNProtocols: ['http/1.1'] })
    let received = ''
    socket.on('data', (chunk) => (received += String(chunk)))
    socket.write(requests(COUNT))
    await eventually(() => handlers.running).toBe(BOUND)
    await eventually(() => {
      handlers.answerAll()
      return bodiesIn(Buffer.from(received)).length
    }).toBe(COUNT)
    expect(handlers.mostAtOnce).toBe(BOUND)
  })
})
