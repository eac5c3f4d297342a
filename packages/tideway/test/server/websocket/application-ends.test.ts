import { describe, expect, it } from 'vitest'
import { NoRouteError } from '../../../src/asgi/no-route-error.ts'
import { ServiceUnavailableError } from '../../../src/asgi/service-unavailable-error.ts'
import type { Application } from '../../../src/asgi/application.ts'
import type { WebSocketScope } from '../../../src/asgi/scope.ts'
import { TidewayError } from '../../../src/errors/tideway-error.ts'
import type { ServeOptions } from '../../../src/server/options.ts'
import { accepting } from '../applications.ts'
import { RawClient, requestText, validHandshake, type RawResponse } from '../raw-client.ts'
import { eventually, serving, type LogLine, type ServerUnderTest } from '../serving.ts'

type App = Application<WebSocketScope>

/** What a client sees of a handshake that this application does not accept, and what is reported. */
async function refused(websocket: App, options?: ServeOptions): Promise<{ response: RawResponse; log: LogLine[] }> {
  const server = await serving({ websocket }, options)
  const client = await RawClient.connect(server.port)
  client.write(requestText('GET /somewhere HTTP/1.1', validHandshake))
  const response = await client.response()
  await eventually(() => server.connectionCount).toBe(0)
  return { response, log: server.log }
}

/** What a client sees of a connection that this application ends, and what is reported. */
async function ended(websocket: App): Promise<{ frames: string[]; server: ServerUnderTest }> {
  const server = await serving({ websocket })
  const client = await RawClient.open(server.port)
  const frames = await client.framesUntilClose()
  client.socket.destroy()
  await eventually(() => server.connectionCount).toBe(0)
  return { frames, server }
}

describe('an application that ends before it accepts', () => {
  it('answers 500 after an error, and logs the error and the path once', async () => {
    const error = new Error('no database')
    const { response, log } = await refused(() => Promise.reject(error))
    expect(response).toMatchObject({ status: 500, body: 'Internal Server Error\n' })
    expect(log).toEqual([
      { level: 'error', details: { err: error, path: '/somewhere' }, message: expect.any(String) as string },
    ])
  })

  it('answers 500 after a synchronous throw', async () => {
    const { response, log } = await refused(() => {
      throw new Error('at once')
    })
    expect(response.status).toBe(500)
    expect(log).toHaveLength(1)
  })

  it('answers 500 after a throw of a value that is not an error', async () => {
    const { response, log } = await refused(() => {
      // oxlint-disable-next-line typescript/only-throw-error -- JavaScript applications can
      throw undefined
    })
    expect(response.status).toBe(500)
    expect(log).toHaveLength(1)
  })

  it('answers 404 after NoRouteError, and logs a warning', async () => {
    const { response, log } = await refused(() => Promise.reject(new NoRouteError('/somewhere')))
    expect(response).toMatchObject({ status: 404, body: 'No route matches the path "/somewhere".\n' })
    expect(log).toEqual([
      { level: 'warn', details: { path: '/somewhere' }, message: 'No route matches the path "/somewhere".' },
    ])
  })

  it('answers with the status and the message of an error that has them, and logs it', async () => {
    const error = new ServiceUnavailableError('The session store does not answer.')
    const { response, log } = await refused(() => Promise.reject(error))
    expect(response).toMatchObject({ status: 503, body: 'Service Unavailable\n' })
    expect(log).toMatchObject([{ level: 'error', details: { err: error } }])
  })

  it('answers 500 after the error of another server, without its status and message', async () => {
    const error = Object.assign(new Error('secret'), { status: 404 })
    const { response } = await refused(() => Promise.reject(error))
    expect(response).toMatchObject({ status: 500, body: 'Internal Server Error\n' })
  })

  it('answers 500 after a return, and logs what was missing', async () => {
    const { response, log } = await refused(() => Promise.resolve())
    expect(response.status).toBe(500)
    expect(log).toMatchObject([{ level: 'error', details: { err: { code: 'ERR_APPLICATION_RETURNED' } } }])
  })

  it('by the error of a connection that had ended, and was not this one: 500', async () => {
    const error = new TidewayError('ERR_CONNECTION_CLOSED', 'of another connection')
    const { response, log } = await refused(() => Promise.reject(error))
    expect(response.status).toBe(500)
    expect(log).toMatchObject([{ details: { err: error } }])
  })

  it('answers 503 after the time limit, and logs it', async () => {
    const seen: unknown[] = []
    const { response, log } = await refused(
      async (_scope, receive) => {
        for (let i = 0; i < 2; i++) seen.push(await receive())
      },
      { connectTimeoutMs: 40 },
    )
    expect(response).toMatchObject({ status: 503, body: 'Application failed to respond within time limit.\n' })
    expect(log).toMatchObject([{ level: 'error', details: { err: { code: 'ERR_APPLICATION_TIMEOUT' } } }])
    expect(seen).toMatchObject([{ type: 'websocket.connect' }, { type: 'websocket.disconnect', code: 1006 }])
  })
})

describe('an application that ends after the start of a denial response', () => {
  const start = { type: 'websocket.http.response.start', status: 403 } as const

  it('ends the response after a return', async () => {
    const { response } = await refused(async (_scope, _receive, send) => {
      await send(start)
      await send({ type: 'websocket.http.response.body', body: 'no', moreBody: true })
    })
    expect(response).toMatchObject({ status: 403, body: 'no' })
  })

  it('destroys the connection after an error, and logs it', async () => {
    const server = await serving({
      websocket: async (_scope, _receive, send) => {
        await send(start)
        await send({ type: 'websocket.http.response.body', body: 'no', moreBody: true })
        await new Promise((resolve) => setImmediate(resolve))
        throw new Error('half way')
      },
    })
    const client = await RawClient.connect(server.port)
    client.write(requestText('GET / HTTP/1.1', validHandshake))
    await client.over()
    expect(server.log).toMatchObject([{ level: 'error', details: { err: { message: 'half way' } } }])
  })
})

describe('an application that ends after its accept', () => {
  it('closes with 1011 without a reason after an error, and logs it once', async () => {
    const { frames, server } = await ended(
      accepting(() => {
        throw new Error('secret')
      }),
    )
    expect(frames).toEqual(['close 1011'])
    expect(server.log).toMatchObject([{ level: 'error', details: { err: { message: 'secret' }, path: '/' } }])
  })

  it('closes with 1000 after a return', async () => {
    const { frames, server } = await ended(accepting(() => {}))
    expect(frames).toEqual(['close 1000'])
    expect(server.log).toEqual([])
  })

  it('sends its earlier messages', async () => {
    const { frames } = await ended(
      accepting(async ({ send }) => {
        await send({ type: 'websocket.send', text: 'one' })
        await send({ type: 'websocket.send', text: 'two' })
        throw new Error('three')
      }),
    )
    expect(frames).toEqual(['text one', 'text two', 'close 1011'])
  })

  it('closes with 1011 after NoRouteError, and logs a debug line', async () => {
    const { frames, server } = await ended(
      accepting(() => {
        throw new NoRouteError('/')
      }),
    )
    expect(frames).toEqual(['close 1011'])
    expect(server.log).toMatchObject([{ level: 'debug' }])
  })

  it('closes with 1011 after the error of another ended connection, and logs it', async () => {
    const error = new TidewayError('ERR_CONNECTION_CLOSED', 'of another connection')
    const { frames, server } = await ended(
      accepting(() => {
        throw error
      }),
    )
    expect(frames).toEqual(['close 1011'])
    expect(server.log).toMatchObject([{ level: 'error', details: { err: error } }])
  })
})

describe('an application that continues after the end of its connection', () => {
  it('may rethrow the error of send() without a log line', async () => {
    const websocket = accepting(async ({ receive, send }) => {
      await receive()
      await send({ type: 'websocket.send', text: 'too late' })
    })
    const server = await serving({ websocket })
    const client = await RawClient.open(server.port)
    client.hex('8880 00000000')
    await client.over()
    await eventually(() => server.connectionCount).toBe(0)
    expect(server.log).toEqual([])
  })

  it('is logged if it throws another error', async () => {
    const websocket = accepting(async ({ receive }) => {
      await receive()
      throw new Error('in disconnect')
    })
    const server = await serving({ websocket })
    const client = await RawClient.open(server.port)
    client.hex('8880 00000000')
    await client.over()
    await eventually(() => server.log).toMatchObject([
      { level: 'error', details: { err: { message: 'in disconnect' } } },
    ])
  })

  it('causes a warning after applicationCloseTimeoutMs, and is abandoned', async () => {
    const websocket = accepting(() => new Promise(() => {}))
    const server = await serving({ websocket }, { applicationCloseTimeoutMs: 40 })
    const client = await RawClient.open(server.port, '/stuck')
    expect(server.connectionCount).toBe(1)
    client.hex('8880 00000000')
    await client.over()
    await eventually(() => server.connectionCount).toBe(0)
    expect(server.log).toMatchObject([
      { level: 'warn', details: { path: '/stuck' }, message: expect.stringContaining('still running 40 ms') as string },
    ])
  })
})
