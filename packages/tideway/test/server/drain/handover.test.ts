import { once } from 'node:events'
import { Agent, request, type IncomingMessage } from 'node:http'
import { connect } from 'node:net'
import { expect, it, onTestFinished } from 'vitest'
import { lifespanHooks } from '../../../src/application/lifespan-hooks.ts'
import type { ServeOptions } from '../../../src/server/options.ts'
import { Recorder } from '../applications.ts'
import { RawClient, requestText, validHandshake } from '../raw-client.ts'
import { startServer, type ServerUnderTest } from '../serving.ts'

/** Starts a server with one open connection for later requests. */
async function serverWithVisitor({ shutdown, ...options }: ServeOptions & { readonly shutdown?: () => unknown } = {}) {
  const server: ServerUnderTest = await startServer(
    {
      http: async (_scope, _receive, send) => {
        await send({ type: 'http.response.start', status: 204 })
        await send({ type: 'http.response.body' })
      },
      websocket: new Recorder().application,
      lifespan: lifespanHooks({ shutdown: () => void shutdown?.() }),
    },
    options,
  )
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  onTestFinished(() => agent.destroy())
  const ask = async (): Promise<IncomingMessage> => {
    const [response] = (await once(request(server.url, { agent }).end(), 'response')) as [IncomingMessage]
    await response.resume().toArray()
    return response
  }
  return { server, ask }
}

it.each([[{}], [{ readinessPath: '/readyz' }]])(
  'close() with handoverMs stops listening and still serves open connections (%j)',
  async (options) => {
    const { server, ask } = await serverWithVisitor(options)
    expect((await ask()).headers.connection).not.toBe('close')
    const early = await RawClient.connect(server.port)
    const closed = server.close(undefined, { handoverMs: 300 })
    const refused = connect(server.port, '127.0.0.1')
    const [error] = (await once(refused, 'error')) as [NodeJS.ErrnoException]
    expect(error.code).toBe('ECONNREFUSED')
    const answer = await ask()
    expect([answer.statusCode, answer.headers.connection]).toEqual([204, 'close'])
    // A handshake on a connection that was made before.
    early.write(requestText('GET / HTTP/1.1', validHandshake))
    expect((await early.head()).statusLine).toContain('101')
    expect(await early.framesUntilClose()).toEqual(['close 1012'])
    early.socket.destroy()
    await closed
  },
)

it('close() waits for beforeShutdown after the last connection, and then sends the shutdown event', async () => {
  const order: string[] = []
  const { server } = await serverWithVisitor({
    beforeShutdown: async () => {
      await new Promise((resolve) => setImmediate(resolve))
      order.push(`${server.connectionCount} connections`)
    },
    lifespan: true,
    shutdown: () => order.push('shutdown'),
  })
  const client = await RawClient.open(server.port)
  const closed = server.close()
  client.socket.destroy()
  await closed
  expect(order).toEqual(['0 connections', 'shutdown'])
})
