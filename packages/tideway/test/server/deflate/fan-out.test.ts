import { createHash } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { Compression } from '../../../src/server/websocket/deflate/compression.ts'
import { History } from '../../../src/server/websocket/deflate/history.ts'
import { describeCompressed } from './client.ts'
import { endOfTick, rigs, type Rig } from './rig.ts'

const NO_TAKEOVER = 'permessage-deflate; client_no_context_takeover; server_no_context_takeover'
const TEXT = 'hello world '.repeat(200)

function outboxOf(compression: Compression, offer: string) {
  const agreed = compression.negotiate(offer)
  if (agreed === undefined || agreed === 'malformed') throw new Error('Nothing was agreed on.')
  return compression.outbox(agreed)
}

describe('a message to many members', () => {
  it('is compressed once, and written to all from one buffer', async () => {
    const { rigs: all } = rigs(100, NO_TAKEOVER)
    for (const { peer } of all) {
      expect(peer.sendText(TEXT)).toBeUndefined()
      expect(peer.sendText('small')).toBeUndefined()
    }
    await endOfTick()
    const [first] = all as [Rig]
    expect(describeCompressed(Buffer.concat(first.socket.written))).toEqual([`deflated text ${TEXT}`, 'text small'])
    expect(all.map(({ socket }) => socket.written.length)).toEqual(all.map(() => 1))
    expect(new Set(all.map(({ socket }) => socket.written[0])).size).toBe(1)
  })

  it('is compressed once for each negotiated window', () => {
    const compression = new Compression({})
    const boxes = [9, 10, 15].map((bits) => outboxOf(compression, `permessage-deflate; server_max_window_bits=${bits}`))
    expect(new Set(boxes).size).toBe(3)
    expect(outboxOf(compression, 'permessage-deflate')).toBe(boxes[2])
    const frames = boxes.map((box) => box.textFrame(TEXT))
    expect(new Set(frames).size).toBe(3)
    expect(boxes.map((box) => box.textFrame(`${TEXT} `.trim() + ' '))).toEqual(frames)
    expect(boxes.map((box, i) => box.textFrame([TEXT].join('')) === frames[i])).toEqual([true, true, true])
  })

  it('is compressed once for the same bytes, and again after a change', () => {
    const outbox = outboxOf(new Compression({}), NO_TAKEOVER)
    const bytes = Buffer.alloc(2000, 1)
    const frame = outbox.binaryFrame(bytes)
    expect(outbox.binaryFrame(bytes)).toBe(frame)
    bytes[1999] = 2
    const changed = outbox.binaryFrame(bytes)
    expect(describeCompressed(changed.bytes)).toEqual([`deflated binary ${bytes.toString('hex')}`])
    expect(describeCompressed(frame.bytes)).toEqual([`deflated binary ${'01'.repeat(2000)}`])
  })

  it('reaches members with and without compression', async () => {
    const { rigs: all } = rigs(2, NO_TAKEOVER)
    const { rigs: others } = rigs(2, 'permessage-deflate', { serverNoContextTakeover: false })
    for (const { peer } of [...all, ...others, ...all]) void peer.sendText(TEXT)
    await endOfTick()
    const lines = [`deflated text ${TEXT}`, `deflated text ${TEXT}`]
    for (const { socket } of all) expect(describeCompressed(Buffer.concat(socket.written))).toEqual(lines)
  })
})

describe('context takeover', () => {
  const takeover = { serverNoContextTakeover: false, clientNoContextTakeover: false }

  it('makes a message smaller that is similar to the previous one', async () => {
    const { rigs: all } = rigs(1, 'permessage-deflate', takeover)
    const [{ peer, socket }] = all as [Rig]
    const text = Array.from({ length: 300 }, (_, i) => Math.imul(i + 1, 2654435761) >>> 0).join()
    for (let i = 0; i < 2; i++) {
      void peer.sendText(text)
      await endOfTick()
    }
    expect(socket.written[1]!.length * 20).toBeLessThan(socket.written[0]!.length)
  })

  it('ignores dropped messages', async () => {
    const options = { slowConsumer: 'drop', highWaterMarkBytes: 1000 } as const
    const { rigs: all } = rigs(1, 'permessage-deflate', takeover, options)
    const [{ peer, socket }] = all as [Rig]
    // 28 kB of text, which becomes 21 kB: more than a socket takes at once.
    const noise = (seed: number) =>
      Array.from({ length: 320 }, (_, i) => createHash('sha512').update(`${seed} ${i}`).digest('base64')).join('')
    socket.held = []
    void peer.sendText(noise(1))
    void peer.sendText(noise(2))
    for (const done of socket.held) done()
    socket.held = undefined
    await endOfTick()
    void peer.sendText(noise(2))
    await endOfTick()
    // The second would refer to itself if it counted; it came through once, and is as large as the first.
    expect(socket.written).toHaveLength(2)
    expect(socket.written[1]!.length).toBeGreaterThan(socket.written[0]!.length / 2)
  })
})

describe('History', () => {
  it.each([9, 10, 15])(
    'contains the last 2^%i bytes, with any division into pieces, in at most two windows',
    (bits) => {
      const window = 2 ** bits
      const history = new History(bits)
      let all = Buffer.alloc(0)
      for (let i = 1; all.length < 6 * window; i = (i * 7 + 3) % (window + 200)) {
        const piece = Buffer.alloc(i, i)
        all = Buffer.concat([all, piece])
        history.append(piece)
        expect(history.bytes.equals(all.subarray(-window))).toBe(true)
        expect(history.bytes.buffer.byteLength).toBeLessThanOrEqual(2 * window)
      }
    },
  )

  it('allocates nothing before the first message', () => {
    expect(new History(15).bytes.length).toBe(0)
    const history = new History(15)
    history.append(Buffer.from('abc'))
    expect(history.bytes.buffer.byteLength).toBeLessThanOrEqual(1024)
  })
})
