import { constants, inflateRawSync } from 'node:zlib'
import * as fc from 'fast-check'
import * as ws from 'ws'
import { describe, expect, it } from 'vitest'
import { clientFrame } from '../frames.ts'
import { eventually } from '../serving.ts'
import { compressedFrame } from './client.ts'
import { endOfTick, rigs } from './rig.ts'

// The receiver of `ws` as the oracle, both ways. Two differences are known:
// - Behind a final block `ws` reads nothing more of a message. RFC 7692 §7.2.1 lets further blocks follow; they are read.
// - A message that is cut off inside a block is refused here by 1007. `ws` delivers what there is of it.

interface Deflate {
  accept(offers: readonly Record<string, readonly (string | true)[]>[]): unknown
  compress(data: Buffer, fin: boolean, done: (error: Error | null, result: Buffer) => void): void
  cleanup(): void
}

/** The classes that `ws` exports and its types do not tell of. */
const { Receiver, PerMessageDeflate, extension } = ws as unknown as {
  readonly Receiver: new (options: object) => NodeJS.WritableStream
  readonly PerMessageDeflate: new (options: object) => Deflate
  readonly extension: { parse(header: string): Record<string, Record<string, readonly (string | true)[]>[]> }
}

const NAME = 'permessage-deflate'
const MAX_BYTES = 2000

/** How many times longer than a test run allows to look. */
const TIMES = Number(process.env.FUZZ_TIMES ?? 1)

function runs(count: number): { readonly numRuns: number; readonly endOnFailure: boolean } {
  return { numRuns: count * TIMES, endOnFailure: true }
}

interface Setting {
  readonly serverNoContextTakeover: boolean
  readonly clientNoContextTakeover: boolean
  readonly serverMaxWindowBits: number
  readonly clientMaxWindowBits: number
}
interface Message {
  readonly text: string | undefined
  readonly bytes: Buffer
  readonly isCompressed: boolean
}

const settings: fc.Arbitrary<Setting> = fc.record({
  serverNoContextTakeover: fc.boolean(),
  clientNoContextTakeover: fc.boolean(),
  serverMaxWindowBits: fc.integer({ min: 9, max: 15 }),
  clientMaxWindowBits: fc.integer({ min: 9, max: 15 }),
})

/** Payloads that repeat themselves and each other, within the window and beyond it. */
const words = fc.constantFrom('abc', 'the quick brown fox ', '{"message":"', 'ä€👍', '\u0000', 'x'.repeat(300))
const texts = fc.array(words, { maxLength: 40 }).map((parts) => parts.join(''))
const binaries = fc.uint8Array({ maxLength: 400 }).map((bytes) => Buffer.from(bytes))
const messages: fc.Arbitrary<Message> = fc
  .tuple(fc.oneof(texts, binaries), fc.boolean())
  .map(([data, isCompressed]) => ({
    text: typeof data === 'string' ? data : undefined,
    bytes: Buffer.from(data),
    isCompressed,
  }))

function line(message: string | Buffer): string {
  return typeof message === 'string' ? `text ${message}` : `binary ${message.toString('hex')}`
}

function lineOf({ text, bytes }: Message): string {
  return line(text ?? bytes)
}

/** What has been agreed on, from the side of `ws`. */
function deflateOfWs(response: string, isServer: boolean): Deflate {
  const deflate = new PerMessageDeflate({ isServer, threshold: 0, maxPayload: MAX_BYTES * 100 })
  deflate.accept(extension.parse(response)[NAME]!)
  return deflate
}

function compress(deflate: Deflate, bytes: Buffer): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    deflate.compress(bytes, true, (error, result) => {
      if (error === null) resolve(result)
      else reject(error)
    })
  })
}

/** What the receiver of `ws` finds in the bytes: messages, and the close code of the fault. */
async function findingsOfWs(
  chunks: readonly Buffer[],
  deflate: object,
  isServer: boolean,
  maxPayload: number,
): Promise<string[]> {
  const findings: string[] = []
  const receiver = new Receiver({ isServer, maxPayload, extensions: { [NAME]: deflate } })
  let isOver = false
  receiver.on('message', (data: Buffer, isBinary: boolean) => {
    findings.push(line(isBinary ? data : data.toString()))
  })
  receiver.on('error', (error: Error) => {
    const status = Object.getOwnPropertySymbols(error).map((key) => (error as never)[key] as unknown)
    findings.push(`closed ${status.find((value) => typeof value === 'number') as number}`)
    isOver = true
  })
  for (const chunk of chunks) {
    if (isOver) break
    await new Promise<void>((resolve) => receiver.write(Buffer.from(chunk), () => resolve()))
  }
  await endOfTick()
  return findings
}

function cut(bytes: Buffer, places: readonly number[]): Buffer[] {
  const at = [...new Set(places.map((place) => place % (bytes.length + 1)))].toSorted((a, b) => a - b)
  return [0, ...at].map((start, i) => bytes.subarray(start, at[i] ?? bytes.length)).filter(({ length }) => length > 0)
}

/** One message in frames of a client, its payload cut at these places. */
function framesOf({ text, isCompressed }: Message, payload: Buffer, places: readonly number[]): Buffer[] {
  const pieces = cut(payload, places)
  if (pieces.length === 0) pieces.push(payload)
  return pieces.map((piece, i) => {
    const kind = i > 0 ? 'continuation' : text === undefined ? 'binary' : 'text'
    const options = { fin: i === pieces.length - 1, mask: '12345678' }
    return i === 0 && isCompressed ? compressedFrame(kind, piece, options) : clientFrame(kind, piece, options)
  })
}

function offerOf(setting: Setting): string {
  const { clientMaxWindowBits, serverMaxWindowBits } = setting
  return `${NAME}; client_max_window_bits=${clientMaxWindowBits}; server_max_window_bits=${serverMaxWindowBits}`
}

const places = fc.array(fc.nat(), { maxLength: 4 })

describe('a message that a client compresses', () => {
  it('is inflated with any parameters and any division into chunks', async () => {
    const property = fc.asyncProperty(
      settings,
      fc.array(fc.tuple(messages, places), { minLength: 1, maxLength: 12 }),
      places,
      fc.constantFrom(100, 1 << 20),
      async (setting, sent, cuts, threadBytes) => {
        const { rigs: all } = rigs(1, offerOf(setting), { ...setting, threadBytes })
        const [rig] = all as [(typeof all)[0]]
        const deflate = deflateOfWs(responseTo(setting), false)
        const frames: Buffer[] = []
        for (const [message, at] of sent) {
          const payload = message.isCompressed ? await compress(deflate, message.bytes) : message.bytes
          frames.push(...framesOf(message, payload, at))
        }
        deflate.cleanup()
        for (const chunk of cut(Buffer.concat(frames), cuts)) rig.socket.push(Buffer.from(chunk))
        await eventually(() => rig.messages.length).toBe(sent.length)
        expect(rig.messages.map((message) => line(message))).toEqual(sent.map(([message]) => lineOf(message)))
      },
    )
    await fc.assert(property, runs(150))
  })

  it('is refused with the same code as by ws after a fault', async () => {
    const property = fc.asyncProperty(
      settings,
      fc.array(fc.tuple(messages, places), { minLength: 1, maxLength: 5 }),
      fc.nat(),
      fc.nat(),
      fc.integer({ min: 1, max: 255 }),
      async (setting, sent, which, where, flip) => {
        const response = responseTo(setting)
        const { rigs: all } = rigs(1, offerOf(setting), setting, { maxMessageBytes: MAX_BYTES })
        const [rig] = all as [(typeof all)[0]]
        const deflate = deflateOfWs(response, false)
        const frames: Buffer[] = []
        for (const [i, [message, at]] of sent.entries()) {
          const payload = message.isCompressed ? Buffer.from(await compress(deflate, message.bytes)) : message.bytes
          const isChanged = i === which % sent.length && message.isCompressed && payload.length > 0
          if (isChanged) payload[where % payload.length]! ^= flip
          fc.pre(!isChanged || !isKnownDifference(payload))
          frames.push(...framesOf(message, payload, at))
        }
        deflate.cleanup()
        const bytes = Buffer.concat(frames)
        const receiving = new PerMessageDeflate({ isServer: true, maxPayload: MAX_BYTES })
        receiving.accept(extension.parse(response)[NAME]!)
        const expected = await findingsOfWs([bytes], receiving, true, MAX_BYTES)
        receiving.cleanup()
        rig.socket.push(Buffer.from(bytes))
        await eventually(() => [...rig.messages.map((message) => line(message)), ...rig.events]).toEqual(expected)
      },
    )
    await fc.assert(property, runs(300))
  })
})

describe('a message that the server compresses', () => {
  it('is inflated by ws with any parameters, below and above all thresholds', async () => {
    const property = fc.asyncProperty(
      settings,
      fc.array(fc.tuple(messages, fc.boolean()), { minLength: 1, maxLength: 15 }),
      fc.constantFrom(0, 20, 400),
      fc.constantFrom(500, 1 << 20),
      fc.integer({ min: 1, max: 9 }),
      fc.integer({ min: 1, max: 9 }),
      async (setting, sent, thresholdBytes, threadBytes, level, memLevel) => {
        const options = { ...setting, thresholdBytes, threadBytes, level, memLevel }
        const { rigs: all } = rigs(2, offerOf(setting), options)
        const waiting: unknown[] = []
        const expected: string[][] = [[], []]
        for (const [message, isForBoth] of sent) {
          for (const i of isForBoth ? [0, 1] : [0]) {
            const { peer } = all[i]!
            waiting.push(message.text === undefined ? peer.sendBytes(message.bytes) : peer.sendText(message.text))
            expected[i]!.push(lineOf(message))
          }
        }
        await Promise.all(waiting)
        await endOfTick()
        for (const i of [0, 1]) {
          const deflate = deflateOfWs(responseTo(setting), false)
          expect(await findingsOfWs(all[i]!.socket.written, deflate, false, 0)).toEqual(expected[i])
          deflate.cleanup()
        }
      },
    )
    await fc.assert(property, runs(150))
  })
})

function responseTo(setting: Setting): string {
  const agreed = rigs(0, offerOf(setting), setting).compression.negotiate(offerOf(setting))
  if (agreed === undefined || agreed === 'malformed') throw new Error('Nothing was agreed on.')
  return agreed.response
}

/** Whether the payload has a final block, or ends inside a block, and nothing worse: whatever it refers to. */
function isKnownDifference(payload: Buffer): boolean {
  const flushed = Buffer.concat([payload, Buffer.from('0000ffff', 'hex')])
  const finished = Buffer.concat([flushed, Buffer.from('010000ffff', 'hex')])
  return (
    inflatedBytes(flushed, constants.Z_SYNC_FLUSH) > 0 && inflatedBytes(finished, constants.Z_FINISH) < finished.length
  )
}

/** How many bytes of the input zlib has used; 0: it is wrong. */
function inflatedBytes(input: Buffer, finishFlush: number): number {
  try {
    const options = { dictionary: Buffer.alloc(32_768, 'x'), info: true, finishFlush }
    return (inflateRawSync(input, options) as unknown as { engine: { bytesWritten: number } }).engine.bytesWritten
  } catch {
    return 0
  }
}
