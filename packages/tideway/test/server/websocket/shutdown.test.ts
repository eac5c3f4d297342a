import { connect } from 'node:net'
import { describe, expect, it } from 'vitest'
import { WebSocket } from 'ws'
import { accepting, Recorder } from '../applications.ts'
import { RawClient, requestText, validHandshake } from '../raw-client.ts'
import { startServer } from '../serving.ts'

describe('server.close()', () => {
  it('closes every WebSocket with 1012 and resolves when their applications have ended', async () => {
    const order: string[] = []
    const websocket = accepting(async ({ receive }) => {
      const event = await receive()
      order.push(`disconnect ${(event as { code: number }).code} ${(event as { reason: string }).reason}`)
      await new Promise((resolve) => setImmediate(resolve))
      order.push('ended')
    })
    const server = await startServer({ websocket })
    const codes: Promise<number>[] = []
    for (let i = 0; i < 5; i++) {
      const client = new WebSocket(server.webSocketUrl)
      await new Promise((resolve, reject) => client.once('open', resolve).once('error', reject))
      codes.push(new Promise((resolve) => client.once('close', resolve)))
    }
    expect(server.connectionCount).toBe(5)
    await server.close()
    order.push('closed')
    expect(server.connectionCount).toBe(0)
    const five = <T>(value: T): T[] => Array.from({ length: 5 }, () => value)
    expect(order.filter((what) => what !== 'ended')).toEqual([
      ...five('disconnect 1012 server restart, spread=5000'),
      'closed',
    ])
    expect(order.filter((what) => what === 'ended')).toHaveLength(5)
    expect(order.at(-1)).toBe('closed')
    expect(await Promise.all(codes)).toEqual(five(1012))
    expect(server.log).toEqual([])
  })

  it('resolves at once without connections, and again when it is called again', async () => {
    const server = await startServer({ websocket: new Recorder().application })
    await expect(Promise.all([server.close(), server.close()])).resolves.toEqual([undefined, undefined])
    await expect(server.close()).resolves.toBeUndefined()
  })

  it('accepts no more connections', async () => {
    const server = await startServer({ websocket: new Recorder().application })
    await server.close()
    const socket = connect(server.port, '127.0.0.1')
    const error = await new Promise((resolve) => socket.once('error', resolve))
    expect(error).toMatchObject({ code: 'ECONNREFUSED' })
  })

  it('refuses a pending handshake, and a new one on an open connection', async () => {
    let asked!: () => void
    const isAsked = new Promise<void>((resolve) => {
      asked = resolve
    })
    const server = await startServer({
      websocket: async (_scope, receive) => {
        await receive()
        asked()
        await receive()
      },
      http: async (_scope, _receive, send) => {
        await send({ type: 'http.response.start', status: 200 })
        await send({ type: 'http.response.body' })
      },
    })
    const waiting = await RawClient.connect(server.port)
    waiting.write(requestText('GET / HTTP/1.1', validHandshake))
    await isAsked
    const late = await RawClient.connect(server.port)
    // Half a request: the connection is busy and stays.
    late.write('GET / HTTP/1.1\r\nHost: localhost\r\n')
    await new Promise((resolve) => setImmediate(resolve))
    const closed = server.close()
    expect(await waiting.response()).toMatchObject({ status: 503, body: 'The server is shutting down.\n' })
    late.write(requestText('X: 1', { ...validHandshake, Host: undefined }))
    expect(await late.response()).toMatchObject({ status: 503, body: 'The server is shutting down.\n' })
    await closed
  })

  it('destroys remaining connections after the timeout, and disconnects their applications', async () => {
    const recorder = new Recorder()
    const server = await startServer({ websocket: recorder.application })
    const client = await RawClient.open(server.port, '/', { allowHalfOpen: true })
    await server.close(40)
    expect(await client.framesUntilClose()).toEqual(['close 1012'])
    expect(await recorder.disconnect()).toMatchObject({ code: 1006 })
    expect(server.connectionCount).toBe(0)
    client.socket.destroy()
  })

  it('does not wait for an application that never ends', async () => {
    const server = await startServer({ websocket: accepting(() => new Promise(() => {})) })
    const client = await RawClient.open(server.port)
    const closed = server.close(40)
    expect(await client.framesUntilClose()).toEqual(['close 1012'])
    client.hex('8882 00000000 03f4')
    await closed
    expect(server.connectionCount).toBe(1)
  })

  it('does not wait for a refused client that does not close its connection', async () => {
    const server = await startServer({ websocket: new Recorder().application })
    const client = await RawClient.connect(server.port, { allowHalfOpen: true })
    client.write(requestText('GET / HTTP/1.1', { ...validHandshake, 'Sec-WebSocket-Key': 'x' }))
    expect(await client.head()).toMatchObject({ status: 400 })
    await server.close(40)
    client.socket.destroy()
  })
})
