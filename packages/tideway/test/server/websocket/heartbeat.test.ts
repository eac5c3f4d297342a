import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import { describe, expect, it, onTestFinished } from 'vitest'
import { accepting, Recorder } from '../applications.ts'
import { RawClient } from '../raw-client.ts'
import { eventually, serving } from '../serving.ts'

describe('pings by the server', () => {
  it('repeat after each pingIntervalMs of silence', async () => {
    const recorder = new Recorder()
    const server = await serving({ websocket: recorder.application }, { pingIntervalMs: 40, pingTimeoutMs: 10_000 })
    const client = await RawClient.open(server.port)
    for (let i = 0; i < 3; i++) {
      expect(await client.frame()).toBe('ping ')
      client.hex('8a80 00000000')
    }
    client.socket.destroy()
  })

  it('end with 1006 if the client does not answer within pingTimeoutMs', async () => {
    const recorder = new Recorder()
    const server = await serving({ websocket: recorder.application }, { pingIntervalMs: 40, pingTimeoutMs: 40 })
    const client = await RawClient.open(server.port, '/', { allowHalfOpen: true })
    expect(await client.frame()).toBe('ping ')
    expect(await client.frames()).toEqual([])
    expect(await recorder.disconnect()).toMatchObject({ code: 1006 })
    await eventually(() => server.connectionCount).toBe(0)
    client.socket.destroy()
  })

  it('accept any frame of the client as an answer', async () => {
    const recorder = new Recorder()
    const server = await serving({ websocket: recorder.application }, { pingIntervalMs: 40, pingTimeoutMs: 10_000 })
    const client = await RawClient.open(server.port)
    expect(await client.frame()).toBe('ping ')
    client.hex('8181 00000000 61')
    // A second ping comes only when the first one counts as answered.
    expect(await client.frame()).toBe('ping ')
    client.socket.destroy()
  })

  it('count an answer that arrived while the server was too busy to read it', async () => {
    const recorder = new Recorder()
    const server = await serving({ websocket: recorder.application }, { pingIntervalMs: 100, pingTimeoutMs: 1500 })
    // In a thread of its own, which answers while this one is busy.
    const client = new Worker(
      `const { parentPort, workerData } = require('node:worker_threads')
      const { WebSocket } = require('ws')
      const socket = new WebSocket(workerData)
      for (const event of ['open', 'close']) socket.on(event, () => parentPort.postMessage(event))
      socket.on('error', () => {})`,
      { eval: true, workerData: server.webSocketUrl },
    )
    onTestFinished(async () => void (await client.terminate()))
    expect(await once(client, 'message')).toEqual(['open'])
    const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))
    const pingsSent = (): number => server.stats().webSockets.pings.sent
    for (let sent = 0; sent < 3; sent++) {
      while (pingsSent() === sent && server.connectionCount === 1) await turn()
      // It is on its way, and the answer has most likely not been read yet.
      for (let i = 0; i < 2; i++) await turn()
      const end = performance.now() + 2000
      while (performance.now() < end);
    }
    await turn()
    expect(server.stats().webSockets).toMatchObject({ open: 1, pings: { timeouts: 0 } })
  })

  it('are not sent if they are disabled', async () => {
    const recorder = new Recorder()
    const options = { pingIntervalMs: false, pingTimeoutMs: 10, closeTimeoutMs: 60 } as const
    const server = await serving({ websocket: recorder.application }, options)
    const silent = await RawClient.open(server.port)
    const other = await RawClient.open(server.port, '/', { allowHalfOpen: true })
    // The close timeout of another connection passes first, so the server has checked timeouts several times.
    other.hex('8880 00000000')
    await eventually(() => server.connectionCount).toBe(1)
    other.socket.destroy()
    silent.hex('8882 00000000 03e8')
    expect(await silent.frames()).toEqual(['close 1000'])
  })

  it('do not time out while the server does not read the client', async () => {
    let release!: () => void
    const held = new Promise<void>((resolve) => {
      release = resolve
    })
    const texts: (string | undefined)[] = []
    const websocket = accepting(async ({ receive }) => {
      await held
      for (let event = await receive(); event.type === 'websocket.receive'; event = await receive())
        texts.push(event.text)
    })
    const options = { pingIntervalMs: 20, pingTimeoutMs: 20, maxInboxMessages: 1 }
    const server = await serving({ websocket }, options)
    const client = await RawClient.open(server.port)
    client.hex('8181 00000000 61', '8181 00000000 62')
    // The client is alive and answers every ping; the server does not see it, because its application is busy.
    for (let i = 0; i < 4; i++) {
      expect(await client.frame()).toBe('ping ')
      client.hex('8a80 00000000')
    }
    release()
    client.hex('8882 00000000 03e8')
    expect((await client.frames()).at(-1)).toBe('close 1000')
    expect(texts).toEqual(['a', 'b'])
  })
})
