import { describe, expect, it } from 'vitest'
import type { Application } from '../../../src/asgi/application.ts'
import { NoRouteError } from '../../../src/asgi/no-route-error.ts'
import type { HttpScope } from '../../../src/asgi/scope.ts'
import { ServiceUnavailableError } from '../../../src/asgi/service-unavailable-error.ts'
import { TidewayError } from '../../../src/errors/tideway-error.ts'
import type { ServeOptions } from '../../../src/server/options.ts'
import { RawClient, type RawResponse } from '../raw-client.ts'
import { eventually, serving, type ServerUnderTest } from '../serving.ts'

type App = Application<HttpScope>

const START = { type: 'http.response.start', status: 200 } as const

async function asking(http: App, options?: ServeOptions): Promise<{ response: RawResponse; server: ServerUnderTest }> {
  const server = await serving({ http }, options)
  const client = await RawClient.connect(server.port)
  client.write('GET /somewhere HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n')
  return { response: await client.response(), server }
}

describe('an application that ends before its response is sent', () => {
  it('throws: the client gets 500, and the log has one line with the error and the path', async () => {
    const error = new Error('secret')
    const { response, server } = await asking(() => Promise.reject(error))
    expect(response).toMatchObject({
      status: 500,
      headers: { 'content-type': 'text/plain; charset=utf-8', 'x-content-type-options': 'nosniff' },
      body: 'Internal Server Error\n',
    })
    expect(server.log).toMatchObject([{ level: 'error', details: { err: error, path: '/somewhere' } }])
  })

  it('throws after the start, which is not sent yet: the client gets 500', async () => {
    const { response } = await asking(async (_scope, _receive, send) => {
      await send({ ...START, headers: { 'Set-Cookie': 'a=1' } })
      throw new Error('late')
    })
    expect(response.status).toBe(500)
    expect(response.headers).not.toHaveProperty('set-cookie')
  })

  it('throws synchronously: the client gets 500', async () => {
    const { response } = await asking(() => {
      throw new Error('at once')
    })
    expect(response.status).toBe(500)
  })

  it('throws NoRouteError: the client gets 404, and the log a debug line', async () => {
    const { response, server } = await asking(({ path }) => Promise.reject(new NoRouteError(path)))
    expect(response).toMatchObject({ status: 404, body: 'No route matches the path "/somewhere".\n' })
    expect(server.log).toMatchObject([{ level: 'debug', details: { path: '/somewhere' } }])
  })

  it('has no HTTP: the client gets 404, and the log a debug line', async () => {
    const server = await serving({ websocket: async () => {} })
    expect((await fetch(server.url)).status).toBe(404)
    expect(server.log).toMatchObject([{ level: 'debug', details: { path: '/' } }])
  })

  it('throws an error with a status: the client gets that status', async () => {
    const { response, server } = await asking(() => Promise.reject(new ServiceUnavailableError('store down')))
    expect(response).toMatchObject({ status: 503, body: 'Service Unavailable\n' })
    expect(server.log).toMatchObject([{ level: 'error', details: { err: { message: 'store down' } } }])
  })

  it('returns: the client gets 500, and the log the reason', async () => {
    const { response, server } = await asking(() => Promise.resolve())
    expect(response.status).toBe(500)
    expect(server.log).toMatchObject([
      {
        details: {
          err: { code: 'ERR_APPLICATION_RETURNED', message: expect.stringContaining('without answering') as string },
        },
      },
    ])
  })

  it('throws the error of another ended connection: the client gets 500, and the log the error', async () => {
    const error = new TidewayError('ERR_CONNECTION_CLOSED', 'of another connection')
    const { response, server } = await asking(() => Promise.reject(error))
    expect(response.status).toBe(500)
    expect(server.log).toMatchObject([{ details: { err: error } }])
  })
})

describe('an application that ends in the middle of its response', () => {
  it.each<[string, () => void]>([
    [
      'an error',
      () => {
        throw new Error('half way')
      },
    ],
    ['a return', () => {}],
  ])('%s: the connection is destroyed, so that the client cannot take a part for the whole', async (_how, end) => {
    const { response, server } = await asking(async (_scope, _receive, send) => {
      await send(START)
      await send({ type: 'http.response.body', body: 'half', moreBody: true })
      await new Promise((resolve) => setImmediate(resolve))
      end()
    })
    // A chunk, and no last one.
    expect(response.body).toBe('4\r\nhalf\r\n')
    expect(server.log).toHaveLength(1)
  })
})

describe('an application that ends after its response', () => {
  it('by an error: it is reported, and the response stays whole', async () => {
    const body = Buffer.alloc(4 * 1024 * 1024, 'x')
    const http: App = async (_scope, _receive, send) => {
      await send(START)
      await send({ type: 'http.response.body', body })
      throw new Error('behind')
    }
    const server = await serving({ http })
    const response = await fetch(server.url)
    expect((await response.arrayBuffer()).byteLength).toBe(body.length)
    await eventually(() => server.log).toMatchObject([{ level: 'error', details: { err: { message: 'behind' } } }])
  })
})

describe('httpTimeoutMs', () => {
  it('answers 503 for an application that has not begun its response, and reports it once', async () => {
    let late!: (error: unknown) => void
    const problem = new Promise<unknown>((resolve) => {
      late = resolve
    })
    const { response, server } = await asking(
      async (_scope, receive, send) => {
        await receive()
        await receive()
        try {
          await send(START)
        } catch (error) {
          late(error)
          throw error
        }
      },
      { httpTimeoutMs: 30 },
    )
    expect(response).toMatchObject({ status: 503, body: 'Application failed to respond within time limit.\n' })
    expect(await problem).toMatchObject({ code: 'ERR_APPLICATION_TIMEOUT' })
    expect(server.log).toMatchObject([{ level: 'error', details: { path: '/somewhere' } }])
  })

  it('leaves a response alone that has begun', async () => {
    const { response, server } = await asking(
      async (_scope, _receive, send) => {
        await send(START)
        await send({ type: 'http.response.body', body: 'one', moreBody: true })
        await new Promise((resolve) => setTimeout(resolve, 40))
        await send({ type: 'http.response.body', body: 'two' })
      },
      { httpTimeoutMs: 10 },
    )
    expect(response.body).toContain('two')
    expect(server.log).toEqual([])
  })
})
