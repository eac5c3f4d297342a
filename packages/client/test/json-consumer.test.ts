import { connect } from '@tideway/client'
import { JsonWebSocketConsumer } from 'tideway'
import type { Application } from 'tideway/asgi'
import { serve } from 'tideway/server'
import { describe, expect, it, onTestFinished } from 'vitest'
import { WebSocket } from 'ws'

type ClientToServer = { type: 'sum'; terms: number[] } | { type: 'fail' }
type ServerToClient = { sum: number } | { error: { message: string } }

class SumConsumer extends JsonWebSocketConsumer {
  override receiveJson(content: unknown): void | Promise<void> {
    const { id, ...message } = content as ClientToServer & { id: string }
    if (message.type === 'fail') return this.sendJson({ id, error: { message: 'as you like it' } })
    return this.sendJson({ id, sum: message.terms.reduce((sum, term) => sum + term, 0) })
  }
}

describe('JsonWebSocketConsumer', () => {
  it('answers the requests of the client by returning their id', async () => {
    const server = await serve(SumConsumer.asApplication() as Application, { port: 0 })
    const socket = connect<ClientToServer, ServerToClient>(server.webSocketUrl, { WebSocket })
    onTestFinished(async () => {
      socket.close()
      await server.close()
    })
    expect(await socket.request<{ sum: number }>({ type: 'sum', terms: [1, 2, 3] })).toMatchObject({ sum: 6 })
    await expect(socket.request({ type: 'fail' })).rejects.toMatchObject({
      code: 'ERR_REQUEST_FAILED',
      cause: { error: { message: 'as you like it' } },
    })
  })
})
