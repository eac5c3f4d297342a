import express from 'express'
import fastify from 'fastify'
import Koa from 'koa'
import { describe, expect, it } from 'vitest'
import type { Application } from '../../../src/asgi/application.ts'
import { HeaderList } from '../../../src/asgi/headers.ts'
import { NoRouteError } from '../../../src/asgi/no-route-error.ts'
import { asgiVersions, type HttpScope } from '../../../src/asgi/scope.ts'
import { nodeListener, type NodeListener } from '../../../src/server/http/node-listener.ts'
import type { ServeOptions } from '../../../src/server/options.ts'
import { RawClient } from '../raw-client.ts'
import { eventually, serving } from '../serving.ts'

/** Middleware that looks like any other, so that the listener is reached through the contract. */
function behindMiddleware(inner: Application<HttpScope>): Application<HttpScope> {
  return (scope, receive, send) => inner({ ...scope, path: `/mounted${scope.path}` }, receive, send)
}

const frameworks: readonly [name: string, listener: () => Promise<NodeListener>][] = [
  [
    'Express',
    async () =>
      express()
        .use(express.json())
        .get('/hello', (request, response) => {
          response.send(`hello ${request.query['name'] as string}`)
        })
        .post('/json', (request, response) => {
          response.status(201).json({ got: request.body as unknown })
        }),
  ],
  [
    'Koa',
    async () => {
      const app = new Koa()
      app.use(async (context) => {
        if (context.path === '/hello') context.body = `hello ${context.query['name'] as string}`
        else if (context.path === '/json') {
          const pieces: Buffer[] = []
          for await (const piece of context.req) pieces.push(piece as Buffer)
          context.status = 201
          context.body = { got: JSON.parse(Buffer.concat(pieces).toString()) as unknown }
        }
      })
      const callback = app.callback()
      return (request, response) => callback(request, response)
    },
  ],
  [
    'Fastify',
    async () => {
      const app = fastify()
      app.get<{ Querystring: { name: string } }>('/hello', (request) => Promise.resolve(`hello ${request.query.name}`))
      app.post('/json', (request, reply) => reply.code(201).send({ got: request.body }))
      await app.ready()
      return (request, response) => app.routing(request, response)
    },
  ],
  [
    'a plain function',
    async () => (request, response) => {
      const pieces: Buffer[] = []
      request.on('data', (piece: Buffer) => pieces.push(piece))
      request.on('end', () => {
        if (request.url?.startsWith('/hello')) response.end(`hello ${request.url.split('=')[1]}`)
        else if (request.url !== '/json') response.writeHead(404).end()
        else response.writeHead(201).end(`{"got":${Buffer.concat(pieces).toString()}}`)
      })
    },
  ],
]

describe.each(frameworks)('nodeListener() of %s', (_name, make) => {
  it.each(['called directly', 'behind middleware'])('answers requests %s', async (how) => {
    const application = nodeListener(await make())
    const server = await serving({ http: how === 'called directly' ? application : behindMiddleware(application) })
    expect(await (await fetch(`${server.url}/hello?name=world`)).text()).toBe('hello world')
    const response = await fetch(`${server.url}/json`, {
      method: 'POST',
      body: JSON.stringify({ a: [1, 2] }),
      headers: { 'Content-Type': 'application/json' },
    })
    expect([response.status, await response.json()]).toEqual([201, { got: { a: [1, 2] } }])
    expect((await fetch(`${server.url}/nowhere`)).status).toBe(404)
    expect(server.log).toEqual([])
  })
})

describe('a listener of nodeListener()', () => {
  async function asking(listener: NodeListener, options?: ServeOptions, wrap = (app: Application<HttpScope>) => app) {
    const server = await serving({ http: wrap(nodeListener(listener)) }, options)
    const client = await RawClient.connect(server.port)
    client.write('GET /somewhere HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n')
    return { server, client }
  }

  const ways: readonly [how: string, wrap: (app: Application<HttpScope>) => Application<HttpScope>][] = [
    ['called directly', (app) => app],
    ['behind middleware', behindMiddleware],
  ]
  const error = new Error('secret')

  describe.each(ways)('%s', (_how, wrap) => {
    it.each<[string, NodeListener]>([
      [
        'throws',
        () => {
          throw error
        },
      ],
      ['rejects', () => Promise.reject(error)],
    ])('that %s causes 500 and a log line, and the process continues', async (_what, listener) => {
      const { server, client } = await asking(listener, {}, wrap)
      expect(await client.response()).toMatchObject({ status: 500, body: 'Internal Server Error\n' })
      expect(server.log).toMatchObject([{ level: 'error', details: { err: error, path: '/somewhere' } }])
      const again = await RawClient.connect(server.port)
      again.socket.destroy()
    })

    it('that throws NoRouteError causes 404', async () => {
      const { server, client } = await asking(
        () => {
          throw new NoRouteError('/somewhere')
        },
        {},
        wrap,
      )
      expect(await client.response()).toMatchObject({ status: 404 })
      expect(server.log).toMatchObject([{ level: 'debug' }])
    })

    it('that fails in the middle of its response destroys its connection', async () => {
      const { server, client } = await asking(
        async (_request, response) => {
          response.write('half')
          await new Promise((resolve) => setImmediate(resolve))
          throw error
        },
        {},
        wrap,
      )
      expect((await client.response()).body).toBe('4\r\nhalf\r\n')
      expect(server.log).toMatchObject([{ level: 'error' }])
    })

    it('that does not respond within httpTimeoutMs causes 503', async () => {
      const { server, client } = await asking(() => {}, { httpTimeoutMs: 30 }, wrap)
      expect(await client.response()).toMatchObject({ status: 503 })
      expect(server.log).toMatchObject([{ level: 'error' }])
    })

    it('that starts its response within httpTimeoutMs may take longer', async () => {
      const { server, client } = await asking(
        async (_request, response) => {
          response.write('one')
          await new Promise((resolve) => setTimeout(resolve, 40))
          response.end('two')
        },
        { httpTimeoutMs: 10 },
        wrap,
      )
      expect((await client.response()).body).toContain('two')
      expect(server.log).toEqual([])
    })

    it('gets close when the client disconnects', async () => {
      let gone = false
      let called = false
      const { client } = await asking(
        (_request, response) => {
          called = true
          response.once('close', () => {
            gone = true
          })
        },
        {},
        wrap,
      )
      await eventually(() => called).toBe(true)
      client.socket.destroy()
      await eventually(() => gone).toBe(true)
    })
  })

  it('rejects the request of a communicator', async () => {
    const scope: HttpScope = {
      type: 'http',
      method: 'GET',
      asgi: asgiVersions,
      httpVersion: '1.1',
      scheme: 'http',
      path: '/',
      rawPath: '/',
      queryString: '',
      rootPath: '',
      headers: HeaderList.from([]),
      client: undefined,
      server: undefined,
    }
    const called = nodeListener(() => {})(
      scope,
      () => new Promise(() => {}),
      () => {},
    )
    await expect(called).rejects.toMatchObject({ code: 'ERR_NODE_LISTENER' })
  })
})
