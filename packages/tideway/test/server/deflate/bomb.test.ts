import { constants, createDeflateRaw, deflateRawSync, type DeflateRaw } from 'node:zlib'
import { beforeAll, describe, expect, it } from 'vitest'
import { Recorder } from '../applications.ts'
import { clientFrame } from '../frames.ts'
import { serving } from '../serving.ts'
import { compressedFrame, describeCompressed, openOffering } from './client.ts'

const MIB = 1024 * 1024
const GIB = 1024 * MIB
const NO_TAKEOVER = 'permessage-deflate; client_no_context_takeover; server_no_context_takeover'

/** A gigabyte of zeros: 1 MB of deflate. */
let bomb: Buffer

beforeAll(async () => {
  const zeros = Buffer.alloc(16 * MIB)
  const deflate: DeflateRaw = createDeflateRaw({ level: 1, chunkSize: MIB, finishFlush: constants.Z_SYNC_FLUSH })
  const pieces: Buffer[] = []
  deflate.on('data', (piece: Buffer) => pieces.push(piece))
  for (let i = 0; i < GIB / zeros.length; i++) await new Promise((resolve) => deflate.write(zeros, resolve))
  await new Promise((resolve) => {
    deflate.once('end', resolve)
    deflate.end()
  })
  bomb = Buffer.concat(pieces).subarray(0, -4)
})

/** The frames of a message in fragments of this size, the first one with RSV1. */
function fragments(payload: Buffer, size: number): Buffer {
  const frames: Buffer[] = []
  for (let at = 0; at < payload.length; at += size) {
    const piece = payload.subarray(at, at + size)
    const options = { fin: at + size >= payload.length }
    frames.push(at === 0 ? compressedFrame('binary', piece, options) : clientFrame('continuation', piece, options))
  }
  return Buffer.concat(frames)
}

async function closeAnswer(bytes: Buffer, options: object = {}): Promise<{ lines: string[]; messages: string[] }> {
  const recorder = new Recorder()
  const server = await serving({ websocket: recorder.application }, { compression: {}, ...options })
  const { client } = await openOffering(server.port, NO_TAKEOVER)
  client.write(bytes)
  await client.over()
  client.socket.destroy()
  await recorder.disconnect()
  return { lines: describeCompressed(client.received), messages: recorder.messages }
}

describe('a message that inflates to a gigabyte', () => {
  it.each([
    ['one frame', (payload: Buffer) => compressedFrame('binary', payload)],
    ['many fragments', (payload: Buffer) => fragments(payload, 1000)],
  ])('gets 1009 in %s, and is inflated only up to the limit', async (_how, framed) => {
    const frames = framed(bomb)
    const before = process.memoryUsage.rss()
    const { lines, messages } = await closeAnswer(frames)
    expect([lines, messages]).toEqual([['close 1009'], []])
    // A loose bound: it tells 1 MiB from 1 GiB.
    expect(process.memoryUsage.rss() - before).toBeLessThan(200 * MIB)
  })

  it('gets 1009 for a frame that is larger than any message may be', async () => {
    const header = compressedFrame('binary', Buffer.alloc(0))
    header[1] = 0xff
    const length = Buffer.alloc(8)
    length.writeBigUInt64BE(BigInt(2 * MIB))
    const { lines } = await closeAnswer(Buffer.concat([header.subarray(0, 2), length, header.subarray(2)]))
    expect(lines).toEqual(['close 1009'])
  })

  it('gets 1009 also if its limit is too large for the event loop', async () => {
    const { lines } = await closeAnswer(compressedFrame('binary', bomb), { maxMessageBytes: 8 * MIB })
    expect(lines).toEqual(['close 1009'])
  })
})

describe('maxMessageBytes with compression', () => {
  const close = Buffer.from('88820000000003e8', 'hex')

  it.each([
    ['at once', {}],
    ['in a thread', { threadBytes: 100 }],
  ])('accepts a message of exactly maxMessageBytes and no larger one, inflated %s', async (_how, compression) => {
    const options = { maxMessageBytes: 10_000, compression }
    const frame = (bytes: number) => compressedFrame('binary', deflateRawSync(Buffer.alloc(bytes)))
    const exact = await closeAnswer(Buffer.concat([frame(10_000), close]), options)
    expect(exact).toEqual({ lines: ['close 1000'], messages: ['00'.repeat(10_000)] })
    expect(await closeAnswer(Buffer.concat([frame(10_001), close]), options)).toEqual({
      lines: ['close 1009'],
      messages: [],
    })
  })

  it('accepts a message that compression has made larger', async () => {
    const noise = Buffer.from(Array.from({ length: 10_000 }, (_, i) => Math.imul(i + 1, 2654435761) >>> 24))
    const stored = deflateRawSync(noise, { level: 0, memLevel: 1, finishFlush: constants.Z_SYNC_FLUSH }).subarray(0, -4)
    expect(stored.length).toBeGreaterThan(10_000)
    for (const frame of [compressedFrame('binary', stored), fragments(stored, 999)]) {
      const { messages } = await closeAnswer(Buffer.concat([frame, close]), { maxMessageBytes: 10_000 })
      expect(messages).toEqual([noise.toString('hex')])
    }
  })

  it('is the same for uncompressed messages', async () => {
    const options = { maxMessageBytes: 10_000 }
    const { lines } = await closeAnswer(clientFrame('binary', Buffer.alloc(10_001)), options)
    expect(lines).toEqual(['close 1009'])
  })

  it('counts inflated bytes over final blocks', async () => {
    const part = deflateRawSync(Buffer.alloc(6000))
    const { lines } = await closeAnswer(compressedFrame('binary', Buffer.concat([part, part])), {
      maxMessageBytes: 10_000,
    })
    expect(lines).toEqual(['close 1009'])
  })
})
