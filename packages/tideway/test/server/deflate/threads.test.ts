import { deflateRawSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { JobQueue } from '../../../src/server/websocket/deflate/job-queue.ts'
import { clientFrame } from '../frames.ts'
import { eventually } from '../serving.ts'
import { compressedFrame, describeCompressed } from './client.ts'
import { endOfTick, rigs, type Rig } from './rig.ts'

const NO_TAKEOVER = 'permessage-deflate; client_no_context_takeover; server_no_context_takeover'
const TAKEOVER = 'permessage-deflate'
const takeover = { serverNoContextTakeover: false, clientNoContextTakeover: false }
const THREAD_BYTES = 4096

function large(seed: number, bytes = THREAD_BYTES): string {
  return `${seed} `.repeat(bytes).slice(0, bytes)
}

function lines({ socket }: Rig): string[] {
  return describeCompressed(Buffer.concat(socket.written)).map((line) => line.slice(0, 20))
}

describe('JobQueue', () => {
  it('runs jobs in order up to its concurrency, and continues after a failed one', async () => {
    const queue = new JobQueue(3)
    const order: number[] = []
    let most = 0
    const job = (i: number) => async () => {
      order.push(i)
      most = Math.max(most, queue.running)
      await endOfTick()
      if (i % 4 === 0) throw new Error(`job ${i}`)
      return i
    }
    const results = await Promise.allSettled(Array.from({ length: 20 }, (_, i) => queue.run(job(i))))
    expect(results.map(({ status }) => status === 'fulfilled')).toEqual(order.map((i) => i % 4 !== 0))
    expect(order).toEqual(order.toSorted((a, b) => a - b))
    expect([most, queue.running, queue.waiting]).toEqual([3, 0, 0])
  })
})

describe('large outgoing messages', () => {
  it('keep their order with small ones before and after them', async () => {
    for (const offer of [NO_TAKEOVER, TAKEOVER]) {
      const { rigs: all } = rigs(1, offer, { threadBytes: THREAD_BYTES })
      const { peer } = all[0]!
      const sent: unknown[] = [peer.sendText('a'), peer.sendText(large(1)), peer.sendText('b')]
      sent.push(peer.sendBytes(Buffer.from('c')), peer.sendText(large(2)), peer.sendText(large(3)), peer.sendText('d'))
      expect(sent[0]).toBeUndefined()
      await Promise.all(sent)
      expect(peer.sendText('e')).toBeUndefined()
      await endOfTick()
      const expected = ['a', large(1), 'b', '63', large(2), large(3), 'd', 'e']
      expect(
        describeCompressed(Buffer.concat(all[0]!.socket.written)).map((line) => line.split(/text |binary /)[1]),
      ).toEqual(expected)
    }
  })

  it('are compressed once for all members, within the concurrency', async () => {
    const { rigs: all, compression } = rigs(50, NO_TAKEOVER, { threadBytes: THREAD_BYTES, concurrency: 2 })
    const sent: unknown[] = []
    for (const seed of [1, 2, 3, 4, 5]) {
      for (const { peer } of all) sent.push(peer.sendText(large(seed)))
    }
    // Five messages for fifty: five jobs.
    expect([compression.jobs.running, compression.jobs.waiting]).toEqual([2, 3])
    await Promise.all(sent)
    await endOfTick()
    expect([compression.jobs.running, compression.jobs.waiting]).toEqual([0, 0])
    const expected = [1, 2, 3, 4, 5].map((seed) => `deflated text ${large(seed)}`)
    for (const { socket } of all) expect(describeCompressed(Buffer.concat(socket.written))).toEqual(expected)
    // Those who were sent the same are written the same buffer.
    expect(all[1]!.socket.written[0]).toBe(all[0]!.socket.written[0])
  })

  it('are compressed within the concurrency if each connection compresses separately', async () => {
    const { rigs: all, compression } = rigs(20, TAKEOVER, { ...takeover, threadBytes: THREAD_BYTES, concurrency: 3 })
    const sent = all.map(({ peer }) => peer.sendText(large(7)))
    expect([compression.jobs.running, compression.jobs.waiting]).toEqual([3, 17])
    await Promise.all(sent)
    expect([compression.jobs.running, compression.jobs.waiting]).toEqual([0, 0])
  })

  it('are sent at once and uncompressed below a higher threshold', () => {
    const { rigs: all, compression } = rigs(1, NO_TAKEOVER, { threadBytes: 100, thresholdBytes: 10_000 })
    expect(all[0]!.peer.sendText(large(1))).toBeUndefined()
    expect(all[0]!.peer.sendBytes(Buffer.alloc(9999))).toBeUndefined()
    expect(all[0]!.peer.sendBytes(Buffer.alloc(10_000))).toBeInstanceOf(Promise)
    expect(compression.jobs.running).toBe(1)
  })

  it('contain the bytes as they were at the call of send()', async () => {
    const { rigs: all } = rigs(2, NO_TAKEOVER, { threadBytes: THREAD_BYTES })
    const bytes = Buffer.alloc(THREAD_BYTES, 1)
    const sent: unknown[] = [all[0]!.peer.sendBytes(bytes)]
    bytes.fill(2)
    sent.push(all[1]!.peer.sendBytes(bytes))
    bytes.fill(3)
    await Promise.all(sent)
    await endOfTick()
    expect(lines(all[0]!)).toEqual(['deflated binary 0101'])
    expect(lines(all[1]!)).toEqual(['deflated binary 0202'])
  })

  it('are sent before a later close, and nothing can be sent after it', async () => {
    const { rigs: all } = rigs(1, NO_TAKEOVER, { threadBytes: THREAD_BYTES })
    const [rig] = all as [Rig]
    const sent = [rig.peer.sendText(large(1)), rig.peer.sendText('a')]
    rig.peer.close(1000, '')
    rig.peer.close(1001, '')
    expect(rig.peer.isEnding).toBe(true)
    for (const text of ['b', large(2)]) {
      expect(() => rig.peer.sendText(text)).toThrow(expect.objectContaining({ code: 'ERR_CONNECTION_CLOSED' }))
    }
    await Promise.all(sent)
    await eventually(() => lines(rig)).toEqual([`deflated text ${large(1)}`.slice(0, 20), 'text a', 'close 1000'])
  })

  it('are released when the client disconnects', async () => {
    for (const offer of [NO_TAKEOVER, TAKEOVER]) {
      const { rigs: all, compression } = rigs(1, offer, { ...takeover, threadBytes: THREAD_BYTES, concurrency: 1 })
      const [rig] = all as [Rig]
      const sent = [rig.peer.sendText(large(1)), rig.peer.sendText(large(2)), rig.peer.sendText('a')]
      rig.socket.destroy()
      await Promise.all(sent)
      await eventually(() => rig.events).toEqual(['closed 1006', 'gone'])
      await eventually(() => compression.jobs.running + compression.jobs.waiting).toBe(0)
      expect(rig.socket.written).toEqual([])
    }
  })

  it('are dropped when the client closes during their compression', async () => {
    const { rigs: all } = rigs(1, NO_TAKEOVER, { threadBytes: THREAD_BYTES })
    const [rig] = all as [Rig]
    const sent = rig.peer.sendText(large(1, 1024 * 1024))
    rig.socket.push(clientFrame('close', Buffer.from('03e8', 'hex')))
    await sent
    await eventually(() => lines(rig)).toEqual(['close 1000'])
  })

  it('wait up to maxBufferedBytes for their compression; then the connection is closed with 1013', async () => {
    const bounds = { maxBufferedBytes: 4 * THREAD_BYTES, highWaterMarkBytes: 1024 }
    const { rigs: all } = rigs(1, NO_TAKEOVER, { threadBytes: THREAD_BYTES }, bounds)
    const [rig] = all as [Rig]
    const sent = [1, 2, 3, 4].map((seed) => rig.peer.sendText(large(seed)))
    expect(() => rig.peer.sendText('a')).toThrow(expect.objectContaining({ code: 'ERR_SLOW_CONSUMER' }))
    expect(rig.events).toEqual(['slow: closed'])
    await Promise.all(sent)
    expect(lines(rig)).toEqual(['close 1013'])
  })

  it('are dropped above maxBufferedBytes under the policy drop', async () => {
    const bounds = { maxBufferedBytes: 2 * THREAD_BYTES, highWaterMarkBytes: 1024, slowConsumer: 'drop' } as const
    const { rigs: all } = rigs(1, NO_TAKEOVER, { threadBytes: THREAD_BYTES }, bounds)
    const [rig] = all as [Rig]
    const sent = [1, 2].map((seed) => rig.peer.sendText(large(seed)))
    expect(rig.peer.sendText(large(3))).toBeUndefined()
    expect(rig.events).toEqual(['slow: messages dropped'])
    await Promise.all(sent)
    await endOfTick()
    expect(lines(rig)).toHaveLength(2)
  })
})

describe('large incoming messages', () => {
  const text = large(3, 100 * 1024)
  const frame = compressedFrame('text', deflateRawSync(text))
  const small = clientFrame('text', 'small')

  it('are inflated in a thread before later frames are read', async () => {
    const { rigs: all, compression } = rigs(1, NO_TAKEOVER, { threadBytes: 1024 })
    const [rig] = all as [Rig]
    rig.peer.onData(Buffer.concat([small, frame, small, frame, clientFrame('ping', 'p')]))
    expect(rig.messages).toEqual(['small'])
    expect(compression.jobs.running).toBe(1)
    expect(rig.socket.isPaused()).toBe(true)
    await eventually(() => rig.messages).toEqual(['small', text, 'small', text])
    await eventually(() => lines(rig)).toEqual(['pong p'])
    expect(rig.socket.isPaused()).toBe(false)
  })

  it('are inflated within the concurrency for many connections', async () => {
    const { rigs: all, compression } = rigs(20, NO_TAKEOVER, { threadBytes: 1024, concurrency: 2 })
    for (const { peer } of all) peer.onData(Buffer.from(frame))
    expect([compression.jobs.running, compression.jobs.waiting]).toEqual([2, 18])
    await eventually(() => all.every(({ messages }) => messages[0] === text)).toBe(true)
    expect([compression.jobs.running, compression.jobs.waiting]).toEqual([0, 0])
  })

  it('pause the reading when the queue of the owner is full', async () => {
    const { rigs: all } = rigs(1, NO_TAKEOVER, { threadBytes: 1024 })
    const [rig] = all as [Rig]
    rig.takesMore = false
    rig.peer.onData(Buffer.concat([frame, small]))
    await eventually(() => rig.messages.length).toBe(1)
    await endOfTick()
    expect([rig.messages.length, rig.socket.isPaused()]).toEqual([1, true])
    rig.takesMore = true
    rig.peer.resume()
    expect([rig.messages[1], rig.socket.isPaused()]).toEqual(['small', false])
  })

  it('are dropped when the connection closes or is lost during their compression', async () => {
    const { rigs: all, compression } = rigs(2, NO_TAKEOVER, { threadBytes: 1024, concurrency: 1 })
    const [closed, gone] = all as [Rig, Rig]
    for (const { peer } of all) peer.onData(Buffer.concat([frame, clientFrame('close', Buffer.from('03e8', 'hex'))]))
    closed.peer.close(1001, '')
    gone.socket.destroy()
    await eventually(() => [...closed.events, ...gone.events]).toEqual(['closed 1001', 'closed 1006', 'gone'])
    await eventually(() => compression.jobs.running).toBe(0)
    expect([...closed.messages, ...gone.messages]).toEqual([])
  })

  it('end the connection if they are invalid or too large', async () => {
    const half = frame.subarray(0)
    const { rigs: all } = rigs(2, NO_TAKEOVER, { threadBytes: 1024 }, { maxMessageBytes: 50_000 })
    const [tooLarge, broken] = all as [Rig, Rig]
    tooLarge.peer.onData(Buffer.concat([half, small]))
    // 20 kB of a valid deflate stream, then invalid bytes.
    const start = deflateRawSync(large(4, 20_000), { finishFlush: 2 })
    broken.peer.onData(Buffer.concat([compressedFrame('text', Buffer.concat([start, Buffer.of(0xff, 0xff)])), small]))
    await eventually(() => lines(tooLarge)).toEqual(['close 1009'])
    await eventually(() => lines(broken)).toEqual(['close 1007'])
    expect([...tooLarge.messages, ...broken.messages]).toEqual([])
  })
})
