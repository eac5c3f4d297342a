import { describe, expect, it } from 'vitest'
import { WebSocket } from 'ws'
import type { WebSocketReceiveEvent } from '../../../src/asgi/websocket-events.ts'
import { accepting, Recorder } from '../applications.ts'
import { RawClient } from '../raw-client.ts'
import { eventually, serving, type ServerUnderTest } from '../serving.ts'

const CLOSE_1000 = '8882 00000000 03e8'

describe('a close by the client', () => {
  async function disconnectAfter(act: (client: RawClient) => unknown): Promise<WebSocketReceiveEvent> {
    const recorder = new Recorder()
    const server = await serving({ websocket: recorder.application })
    const client = await RawClient.open(server.port)
    await act(client)
    const event = await recorder.disconnect()
    await eventually(() => server.connectionCount).toBe(0)
    expect(server.log).toEqual([])
    return event
  }

  it('passes its code and reason to the application', async () => {
    expect(await disconnectAfter((client) => client.hex('8886 00000000 0fa1 67c3b621'))).toEqual({
      type: 'websocket.disconnect',
      code: 4001,
      reason: 'gö!',
    })
  })

  it('is 1005 to the application without a code', async () => {
    const event = await disconnectAfter((client) => client.hex('8880 00000000'))
    expect(event).toEqual({ type: 'websocket.disconnect', code: 1005, reason: '' })
  })

  it('keeps its code if the end of TCP arrives with it', async () => {
    const event = await disconnectAfter((client) => client.socket.end(Buffer.from('88820000000003e8', 'hex')))
    expect(event).toMatchObject({ code: 1000 })
  })

  it('is 1006 after the end of TCP alone', async () => {
    const event = await disconnectAfter((client) => client.socket.end())
    expect(event).toEqual({ type: 'websocket.disconnect', code: 1006, reason: '' })
  })

  it('is 1006 after the end of TCP in the middle of a frame', async () => {
    const event = await disconnectAfter((client) => client.socket.end(Buffer.from('8185000000004865', 'hex')))
    expect(event).toMatchObject({ code: 1006 })
  })

  it('is 1006 after a reset', async () => {
    expect(await disconnectAfter((client) => client.reset())).toMatchObject({ code: 1006 })
  })

  it('is 1002 after an invalid frame, and the reason names the error', async () => {
    const event = await disconnectAfter((client) => client.hex('8300'))
    expect(event).toEqual({ type: 'websocket.disconnect', code: 1002, reason: 'a client must mask its frames' })
  })

  it('is 1009 after a message over the limit', async () => {
    const event = await disconnectAfter((client) => client.hex('82ff 0000000000100001 00000000'))
    expect(event).toEqual({ type: 'websocket.disconnect', code: 1009, reason: 'message over 1048576 bytes' })
  })

  it('ends the connection if the client ends its half of TCP', async () => {
    const recorder = new Recorder()
    const server = await serving({ websocket: recorder.application })
    const client = await RawClient.open(server.port, '/', { allowHalfOpen: true })
    client.socket.end()
    expect(await client.frames()).toEqual([])
    expect(await recorder.disconnect()).toMatchObject({ code: 1006 })
  })
})

/** An application that closes at once, and what it receives from then on. */
async function closing(
  close: { readonly code?: number; readonly reason?: string } = {},
  closeTimeoutMs?: number,
): Promise<{ server: ServerUnderTest; events: WebSocketReceiveEvent[] }> {
  const events: WebSocketReceiveEvent[] = []
  const websocket = accepting(async ({ receive, send }) => {
    await send({ type: 'websocket.send', text: 'last' })
    await send({ type: 'websocket.close', ...close })
    for (let i = 0; i < 2; i++) events.push(await receive())
  })
  const server = await serving({ websocket }, closeTimeoutMs === undefined ? {} : { closeTimeoutMs })
  return { server, events }
}

describe('a close by the application', () => {
  it('reaches the client with its code and reason, after earlier messages', async () => {
    const { server, events } = await closing({ code: 4000, reason: 'Schluß' })
    const client = new WebSocket(server.webSocketUrl)
    const seen: unknown[] = []
    client.on('message', (data: Buffer) => seen.push(data.toString()))
    await new Promise<void>((resolve) => {
      client.on('close', (code, reason) => {
        seen.push(code, reason.toString())
        resolve()
      })
    })
    expect(seen).toEqual(['last', 4000, 'Schluß'])
    const disconnect = { type: 'websocket.disconnect', code: 4000, reason: 'Schluß' }
    await eventually(() => events).toEqual([disconnect, disconnect])
  })

  it('has code 1000 by default', async () => {
    const { server } = await closing()
    const client = await RawClient.open(server.port)
    expect(await client.framesUntilClose()).toEqual(['text last', 'close 1000'])
    client.hex(CLOSE_1000)
    expect(await client.frames()).toEqual([])
  })

  it('accepts a reason of 123 bytes', async () => {
    const { server } = await closing({ reason: '*'.repeat(123) })
    const client = new WebSocket(server.webSocketUrl)
    const reason = await new Promise<string>((resolve) => {
      client.on('close', (_code, text) => resolve(text.toString()))
    })
    expect(reason).toHaveLength(123)
  })

  it('is complete when the client has answered with any code', async () => {
    const { server, events } = await closing({ code: 4000 })
    const client = await RawClient.open(server.port)
    await client.framesUntilClose()
    client.hex('8882 00000000 0fa1')
    expect(await client.frames()).toEqual([])
    await eventually(() => events[0]).toMatchObject({ code: 4000 })
    await eventually(() => server.connectionCount).toBe(0)
  })

  it('drops messages of the client before its answer', async () => {
    const { server, events } = await closing()
    const client = await RawClient.open(server.port)
    await client.framesUntilClose()
    client.hex('8181 00000000 61', '8980 00000000', '0181 00000000 62', CLOSE_1000)
    expect(await client.frames()).toEqual([])
    await eventually(() => events).toMatchObject([{ code: 1000 }, { code: 1000 }])
  })

  it('is 1002 to the application when the client breaks the protocol in its answer', async () => {
    const { server, events } = await closing()
    const client = await RawClient.open(server.port)
    await client.framesUntilClose()
    client.hex('8300')
    await client.over()
    await eventually(() => events[0]).toMatchObject({ code: 1002 })
  })

  it('is 1006 to the application if the client destroys the connection instead of answering', async () => {
    const { server, events } = await closing()
    const client = await RawClient.open(server.port)
    await client.framesUntilClose()
    client.socket.end()
    await eventually(() => events[0]).toMatchObject({ code: 1006 })
  })

  it('destroys the connection of a client that does not answer in time, with 1006 to the application', async () => {
    const { server, events } = await closing({ code: 4000 }, 40)
    const client = await RawClient.open(server.port, '/', { allowHalfOpen: true })
    await client.framesUntilClose()
    await client.over()
    await eventually(() => events[0]).toMatchObject({ code: 1006 })
    await eventually(() => server.connectionCount).toBe(0)
    client.socket.destroy()
  })

  it('destroys the connection of a client that answers but does not close TCP in time', async () => {
    const { server, events } = await closing({ code: 4000 }, 40)
    const client = await RawClient.open(server.port, '/', { allowHalfOpen: true })
    await client.framesUntilClose()
    client.hex(CLOSE_1000)
    await eventually(() => events[0]).toMatchObject({ code: 4000 })
    await eventually(() => server.connectionCount).toBe(0)
    client.socket.destroy()
  })

  it('may cross with a close by the client', async () => {
    const websocket = accepting(async ({ receive, send }) => {
      await receive()
      await send({ type: 'websocket.close', code: 4000 })
    })
    const server = await serving({ websocket })
    const client = await RawClient.open(server.port)
    client.hex('8181 00000000 61', '8882 00000000 0fa1')
    expect(await client.frames()).toEqual(['close 4001'])
    await eventually(() => server.connectionCount).toBe(0)
    expect(server.log).toEqual([])
  })
})
