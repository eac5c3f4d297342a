import { once } from 'node:events'
import { describe, expect, it, onTestFinished } from 'vitest'
import { WebSocket } from 'ws'
import { lifespanHooks } from '../../../src/application/lifespan-hooks.ts'
import type { Application } from '../../../src/asgi/application.ts'
import { setTraits } from '../../../src/asgi/application-traits.ts'
import type { LifespanScope, WebSocketScope } from '../../../src/asgi/scope.ts'
import { protocolTypeRouter } from '../../../src/routing/protocol-type-router.ts'
import { serve } from '../../../src/server/serve.ts'
import { recordingLogger, type LogLine } from '../serving.ts'

/** Serves an application with this lifespan, whose connections answer with their state. */
async function served(lifespan: Application<LifespanScope> | undefined, lifespanTimeoutMs = 10_000) {
  const log: LogLine[] = []
  const application = setTraits(protocolTypeRouter({ lifespan, websocket: tellState }), { checksOrigin: true })
  const server = await serve(application, { port: 0, logger: recordingLogger(log), lifespanTimeoutMs })
  onTestFinished(() => server.close(1))
  return { server, log }
}

const tellState: Application<WebSocketScope> = async (scope, receive, send) => {
  await receive()
  await send({ type: 'websocket.accept' })
  await send({ type: 'websocket.send', text: JSON.stringify(scope.state ?? null) })
  if (scope.state !== undefined) scope.state['mine'] = 'changed'
  await receive()
}

async function stateOf(url: string): Promise<unknown> {
  const client = new WebSocket(url)
  const [message] = (await once(client, 'message')) as [Buffer]
  client.close()
  return JSON.parse(message.toString())
}

describe('lifespan', () => {
  it('sends the startup event before the server listens, and the shutdown event after the last connection', async () => {
    const told: string[] = []
    const { server } = await served(
      lifespanHooks({
        startup: async () => {
          await Promise.resolve()
          told.push('startup')
        },
        shutdown: () => void told.push(`shutdown with ${server.connectionCount} connections`),
      }),
    )
    expect(told).toEqual(['startup'])
    await stateOf(server.webSocketUrl)
    await server.close()
    await server.close()
    expect(told).toEqual(['startup', 'shutdown with 0 connections'])
  })

  it('gives each connection a shallow copy of the state of the startup', async () => {
    const { server } = await served(
      lifespanHooks({
        startup: (state) => {
          state['mine'] = 'original'
        },
      }),
    )
    expect(await stateOf(server.webSocketUrl)).toEqual({ mine: 'original' })
    expect(await stateOf(server.webSocketUrl)).toEqual({ mine: 'original' })
  })

  it('rejects with the reason if the startup fails', async () => {
    const failing = served(
      lifespanHooks({
        startup: () => {
          throw new Error('The database is gone.')
        },
      }),
    )
    await expect(failing).rejects.toMatchObject({
      code: 'ERR_STARTUP_FAILED',
      message: expect.stringContaining('The database is gone.') as string,
    })
  })

  it('rejects if the startup takes longer than its timeout', async () => {
    const failing = served(lifespanHooks({ startup: () => new Promise(() => {}) }), 20)
    await expect(failing).rejects.toMatchObject({ code: 'ERR_APPLICATION_TIMEOUT' })
  })

  it('serves an application without lifespan, with a debug line', async () => {
    const { server, log } = await served(undefined)
    expect(await stateOf(server.webSocketUrl)).toBeNull()
    expect(log).toMatchObject([{ level: 'debug', message: 'The application has no lifespan' }])
  })

  it('serves an application that throws in its lifespan, with a warning and the error', async () => {
    const error = new Error('a bug')
    const { server, log } = await served(() => Promise.reject(error))
    expect(await stateOf(server.webSocketUrl)).toBeNull()
    expect(log).toMatchObject([{ level: 'warn', details: { err: error } }])
  })

  it('serves an application that answers with an event of another protocol', async () => {
    const confused = (async (_scope, receive, send) => {
      await receive()
      await send({ type: 'websocket.accept' } as never)
    }) satisfies Application<LifespanScope>
    const { log } = await served(confused)
    expect(log).toMatchObject([{ level: 'warn', details: { err: { code: 'ERR_BAD_EVENT' } } }])
  })

  it('logs a shutdown that fails or never ends, and closes anyway', async () => {
    const failing = await served(
      lifespanHooks({
        shutdown: () => {
          throw new Error('could not flush')
        },
      }),
    )
    await failing.server.close()
    expect(failing.log).toMatchObject([
      { level: 'error', message: expect.stringContaining('could not flush') as string },
    ])

    const endless = await served(lifespanHooks({ shutdown: () => new Promise(() => {}) }), 20)
    await endless.server.close()
    expect(endless.log).toMatchObject([{ level: 'error', details: { err: { code: 'ERR_APPLICATION_TIMEOUT' } } }])
  })

  it('shuts the application down if the server cannot listen', async () => {
    const { server } = await served(undefined)
    let wasShutDown = false
    const application = protocolTypeRouter({
      lifespan: lifespanHooks({
        shutdown: () => {
          wasShutDown = true
        },
      }),
    })
    await expect(serve(application, { port: server.port })).rejects.toMatchObject({ code: 'EADDRINUSE' })
    expect(wasShutDown).toBe(true)
  })
})
