import { once } from 'node:events'
import { describe, expect, it } from 'vitest'
import { WebSocket } from 'ws'
import type { Instrumentation } from '../../../src/asgi/instrumentation.ts'
import { HttpConsumer } from '../../../src/consumer/http-consumer.ts'
import { WebSocketConsumer } from '../../../src/consumer/websocket-consumer.ts'
import type { AccessEntry } from '../../../src/server/observe/access-log/access-entry.ts'
import { nodeListener } from '../../../src/server/http/node-listener.ts'
import { echo } from '../applications.ts'
import { RawClient, requestText, validHandshake } from '../raw-client.ts'
import { eventually, serving } from '../serving.ts'

/** An instrumentation that records its calls, one line each. */
function recording(): { readonly told: string[]; readonly instrumentation: Instrumentation } {
  const told: string[] = []
  return {
    told,
    instrumentation: {
      request: ({ method, url }) => {
        told.push(`${method} ${url}`)
        return {
          failed: (error) => void told.push(`failed: ${(error as Error).message}`),
          ended: (status) => void told.push(`ended ${status}`),
          handler: ({ consumer, type }, run) => {
            told.push(`${consumer} ${type}`)
            return run()
          },
        }
      },
      connection: ({ path }) => {
        told.push(`connection ${path}`)
        return {
          accepted: () => void told.push('accepted'),
          refused: (status) => void told.push(`refused ${status}`),
          failed: (error) => void told.push(`failed: ${(error as Error).message}`),
          ended: (code) => void told.push(`ended ${code}`),
          handler: ({ consumer, type, event }, run) => {
            told.push(`${consumer} ${type} ${Object.keys(event).join()}`)
            return run()
          },
        }
      },
    },
  }
}

class EchoConsumer extends WebSocketConsumer<{}, object> {
  override receive({ text }: { text?: string | undefined }) {
    if (text === 'throw') throw new Error('meant')
    return this.send({ text: text! })
  }
}

describe('instrumentation', () => {
  it('reports a connection from its handshake to its end, and the handlers of its consumer', async () => {
    const { told, instrumentation } = recording()
    const server = await serving({ websocket: EchoConsumer.asApplication() }, { instrumentation })
    const client = new WebSocket(`${server.webSocketUrl}/ws/`)
    await once(client, 'open')
    client.send('hello')
    await once(client, 'message')
    client.close(4000, 'bye')
    await once(client, 'close')
    await eventually(() => told).toEqual([
      'connection /ws/',
      'EchoConsumer websocket.connect type',
      'accepted',
      'EchoConsumer websocket.receive type,text,bytes',
      'ended 4000',
      'EchoConsumer websocket.disconnect type,code,reason',
    ])
  })

  it('reports an application that throws, and handshakes that it refuses', async () => {
    const { told, instrumentation } = recording()
    const server = await serving({ websocket: EchoConsumer.asApplication() }, { instrumentation })
    const client = new WebSocket(`${server.webSocketUrl}/`)
    await once(client, 'open')
    client.send('throw')
    await once(client, 'close')
    await eventually(() => told.filter((line) => !line.startsWith('Echo'))).toEqual([
      'connection /',
      'accepted',
      'failed: meant',
      'ended 1011',
    ])
    told.length = 0
    const none = await serving({}, { instrumentation })
    const refused = await RawClient.connect(none.port)
    refused.write(requestText('GET /none HTTP/1.1', validHandshake))
    expect((await refused.head()).status).toBe(404)
    expect(told.slice(0, 2)).toEqual(['connection /none', expect.stringMatching(/^failed: .*websocket/)])
    expect(told.slice(2)).toEqual(['refused 404', 'ended 1006'])
    refused.socket.destroy()
  })

  it('does not report handshakes that the server itself refuses', async () => {
    const { told, instrumentation } = recording()
    const server = await serving({ websocket: echo }, { instrumentation })
    const client = await RawClient.connect(server.port)
    client.write(requestText('GET / HTTP/1.1', { ...validHandshake, 'Sec-WebSocket-Key': 'short' }))
    expect((await client.head()).status).toBe(400)
    expect(told).toEqual([])
    client.socket.destroy()
  })

  it('reports requests that a listener, a consumer or the server answers', async () => {
    const { told, instrumentation } = recording()
    class PageConsumer extends HttpConsumer {
      override async handle() {
        await this.sendResponse('hello')
      }
    }
    const consumer = await serving({ http: PageConsumer.asApplication() }, { instrumentation })
    await (await fetch(`${consumer.url}/page`)).text()
    await eventually(() => told.includes('ended 200')).toBe(true)
    expect(told.slice(0, 2)).toEqual(['GET /page', 'PageConsumer http.request'])
    told.length = 0
    const failing = await serving({ http: nodeListener(() => Promise.reject(new Error('meant'))) }, { instrumentation })
    await (await fetch(`${failing.url}/`)).text()
    await eventually(() => told).toEqual(['GET /', 'failed: meant', 'ended 500'])
    told.length = 0
    const waiting = await serving({ http: nodeListener(() => {}) }, { instrumentation })
    const client = await RawClient.connect(waiting.port)
    client.write('GET /wait HTTP/1.1\r\nHost: a\r\n\r\n')
    await eventually(() => told).toEqual(['GET /wait'])
    client.socket.destroy()
    await eventually(() => told).toEqual(['GET /wait', 'ended 499'])
  })

  it('is logged and has no effect if it throws or does not call serve', async () => {
    const broken = (): never => {
      throw new Error('broken')
    }
    let forgotten = 0
    const instrumentation: Instrumentation = {
      request: () => ({ run: () => void forgotten++, ended: broken }),
      connection: () => ({ run: broken, accepted: broken, ended: broken }),
    }
    const http = nodeListener((_request, response) => void response.end('served'))
    const server = await serving({ websocket: echo, http }, { instrumentation })
    expect(await (await fetch(server.url)).text()).toBe('served')
    expect(forgotten).toBe(1)
    const client = new WebSocket(server.webSocketUrl)
    await once(client, 'open')
    client.send('hello')
    expect(String((await once(client, 'message'))[0])).toBe('hello')
    client.close()
    await eventually(() => server.log.filter(({ level }) => level === 'error').length).toBe(4)
    for (const { message, details } of server.log) {
      expect([message, (details.err as Error).message]).toEqual(['The instrumentation threw', 'broken'])
    }
    const brokenAtOnce = await serving({ http }, { instrumentation: { request: broken } })
    expect(await (await fetch(brokenAtOnce.url)).text()).toBe('served')
  })

  it('serves once if it calls serve twice', async () => {
    let served = 0
    const http = nodeListener((_request, response) => {
      served++
      response.end()
    })
    const twice = (serve: () => void): void => {
      serve()
      serve()
    }
    const server = await serving({ http }, { instrumentation: { request: () => ({ run: twice }) } })
    await (await fetch(server.url)).text()
    expect(served).toBe(1)
  })

  it('works together with an access log', async () => {
    const { told, instrumentation } = recording()
    const log: AccessEntry[] = []
    const server = await serving({ websocket: echo }, { instrumentation, accessLog: (entry) => void log.push(entry) })
    const client = new WebSocket(server.webSocketUrl)
    await once(client, 'open')
    client.close(4001)
    await eventually(() => told).toEqual(['connection /', 'accepted', 'ended 4001'])
    expect(log).toMatchObject([{ event: 'connecting' }, { event: 'connect' }, { event: 'disconnect', code: 4001 }])
  })

  it('may come from middleware for the handlers of a server without instrumentation', async () => {
    const { told, instrumentation } = recording()
    const application = EchoConsumer.asApplication()
    const server = await serving({
      websocket: (scope, receive, send) => {
        const own = instrumentation.connection!(scope, undefined as never)
        const extensions = { ...scope.extensions, 'tideway.instrumentation': own }
        return application({ ...scope, extensions }, receive, send)
      },
    })
    const client = new WebSocket(server.webSocketUrl)
    await once(client, 'open')
    client.terminate()
    await eventually(() => told).toEqual([
      'connection /',
      'EchoConsumer websocket.connect type',
      'EchoConsumer websocket.disconnect type,code,reason',
    ])
  })
})
