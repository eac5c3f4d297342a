import { once } from 'node:events'
import { describe, expect, it, onTestFinished } from 'vitest'
import { WebSocket } from 'ws'
import { TokenBucket } from '../../../src/errors/token-bucket.ts'
import type { ServeOptions } from '../../../src/server/options.ts'
import { Recorder } from '../applications.ts'
import { serving } from '../serving.ts'

async function connected(
  options: ServeOptions,
): Promise<{ recorder: Recorder; client: WebSocket; end: Promise<string> }> {
  const recorder = new Recorder()
  const server = await serving({ websocket: recorder.application }, options)
  const client = new WebSocket(server.webSocketUrl, { perMessageDeflate: false })
  onTestFinished(() => client.terminate())
  const end = once(client, 'close').then(([code, reason]) => `${code as number} ${(reason as Buffer).toString()}`)
  await once(client, 'open')
  return { recorder, client, end }
}

describe('TokenBucket', () => {
  it('allows its burst at once, then its rate per second', () => {
    const bucket = new TokenBucket(10, 20, 0)
    expect(bucket.take(20, 0)).toBe(true)
    expect(bucket.take(1, 0)).toBe(false)
    expect(bucket.take(1, 99)).toBe(false)
    expect(bucket.take(1, 100)).toBe(true)
    expect(bucket.take(11, 1100)).toBe(false)
    expect(bucket.take(10, 1100)).toBe(true)
  })

  it('accumulates no more than its burst', () => {
    const bucket = new TokenBucket(10, 10, 0)
    expect(bucket.take(11, 1_000_000)).toBe(false)
    expect(bucket.take(10, 1_000_000)).toBe(true)
  })

  it('allows one token at a time with a rate below one per second', () => {
    const bucket = new TokenBucket(0.1, 0.1, 0)
    expect(bucket.take(1, 0)).toBe(true)
    expect(bucket.take(1, 9000)).toBe(false)
    expect(bucket.take(1, 10_001)).toBe(true)
  })
})

describe('maxMessagesPerSecond', () => {
  it('delivers messages up to it and closes with 1008 above it', async () => {
    const { recorder, client, end } = await connected({ maxMessagesPerSecond: 0.001, rateBurstSeconds: 3000 })
    for (const text of ['1', '2', '3', '4', '5']) client.send(text)
    expect(await end).toBe('1008 too many messages per second')
    expect(await recorder.disconnect()).toMatchObject({ code: 1008 })
    expect(recorder.messages).toEqual(['1', '2', '3'])
  })
})

describe('maxBytesPerSecond', () => {
  it('counts the bytes on the wire and allows the last one that fits', async () => {
    // A masked frame of 4 bytes has 10.
    const { recorder, client, end } = await connected({ maxBytesPerSecond: 0.02, rateBurstSeconds: 1000 })
    client.send('1234')
    await recorder.count(1)
    client.send('5678')
    await recorder.count(2)
    client.send('')
    expect(await end).toBe('1008 too many bytes per second')
    expect(await recorder.disconnect()).toMatchObject({ code: 1008 })
    expect(recorder.messages).toEqual(['1234', '5678'])
  })

  it('counts pings too', async () => {
    const { client, end } = await connected({ maxBytesPerSecond: 0.02, rateBurstSeconds: 1000 })
    for (let i = 0; i < 4; i++) client.ping()
    expect(await end).toBe('1008 too many bytes per second')
  })
})

describe('idleTimeoutMs', () => {
  it('closes with 1000 after this time without a message, also if the client sends pings', async () => {
    const { recorder, end } = await connected({ idleTimeoutMs: 80, pingIntervalMs: 10 })
    expect(await end).toBe('1000 no message for too long')
    expect(await recorder.disconnect()).toMatchObject({ code: 1000 })
  })
})

describe('maxAgeMs', () => {
  it('closes with 1000 at this age, also if the client sends messages', async () => {
    const { client, recorder, end } = await connected({ maxAgeMs: 80 })
    const talk = setInterval(() => client.send('still here'), 5)
    onTestFinished(() => clearInterval(talk))
    expect(await end).toBe('1000 open for too long')
    expect(await recorder.disconnect()).toMatchObject({ code: 1000 })
  })
})

describe('limits of traffic', () => {
  it('are off by default', async () => {
    const { client, recorder } = await connected({})
    for (let i = 0; i < 1000; i++) client.send('x'.repeat(100))
    await recorder.count(1000)
    expect(client.readyState).toBe(WebSocket.OPEN)
  })
})
