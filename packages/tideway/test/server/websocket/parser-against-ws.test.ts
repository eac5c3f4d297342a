import * as fc from 'fast-check'
import * as ws from 'ws'
import { describe, expect, it } from 'vitest'
import { FrameParser, type FrameSink } from '../../../src/server/websocket/frame-parser.ts'
import { clientFrame, type FrameKind } from '../frames.ts'

// The parser of `ws` as the oracle. Three differences are known, and in each the RFC is on the side of this parser:
// - A length must be in its shortest form (§5.2: "the minimal number of bytes MUST be used"). `ws` takes any.
// - A length of 64 bits with its highest bit set breaks the protocol (§5.2: it "MUST be 0"): 1002, where `ws` says 1009.
// - Text that is no UTF-8 fails at its first bad byte, where `ws` waits for the end of the message. Both are allowed (§8.1);
//   what else comes in the rest of that message, a ping or a worse fault, `ws` sees first.

/** The class that `ws` exports and its types do not tell of. */
const { Receiver } = ws as unknown as {
  readonly Receiver: new (options: { isServer: boolean; maxPayload: number }) => NodeJS.WritableStream
}

const MAX_BYTES = 300

/** How many times longer than a test run allows to look. */
const TIMES = Number(process.env.FUZZ_TIMES ?? 1)

/** Shrinking what is found here would take minutes and a lot of memory. */
function runs(count: number): { readonly numRuns: number; readonly endOnFailure: boolean } {
  return { numRuns: count * TIMES, endOnFailure: true }
}

/** What a parser found, as lines: messages, control frames, and the one end. */
type Findings = string[]

class Log implements FrameSink {
  readonly findings: Findings = []
  fault: string | undefined

  onText(message: string): void {
    this.findings.push(`text ${message}`)
  }
  onBinary(message: Buffer): void {
    this.findings.push(`binary ${message.toString('hex')}`)
  }
  onPing(payload: Buffer): void {
    this.findings.push(`ping ${payload.toString('hex')}`)
  }
  onPong(payload: Buffer): void {
    this.findings.push(`pong ${payload.toString('hex')}`)
  }
  onCloseFrame(code: number, reason: string): void {
    this.findings.push(`close ${code} ${reason}`)
  }
  onProtocolError(code: number, message: string): void {
    this.findings.push(`fault ${code}`)
    this.fault = message
  }
}

function parse(chunks: readonly Buffer[]): Log {
  const log = new Log()
  const parser = new FrameParser(log, MAX_BYTES)
  for (const chunk of chunks) parser.push(Buffer.from(chunk))
  return log
}

/** The same, but stopped behind every finding and gone on with later, as for an application that is busy. */
function parseStopping(chunks: readonly Buffer[]): Log {
  const log = new Log()
  const parser = new FrameParser(log, MAX_BYTES)
  const stops = (name: 'onText' | 'onBinary'): void => {
    const find = log[name].bind(log) as (message: string | Buffer) => void
    log[name] = (message: string | Buffer) => {
      find(message)
      parser.pause()
    }
  }
  stops('onText')
  stops('onBinary')
  for (const chunk of chunks) {
    parser.push(Buffer.from(chunk))
    while (parser.isPaused) parser.resume()
  }
  return log
}

async function parseAsWs(chunks: readonly Buffer[]): Promise<Findings> {
  const findings: Findings = []
  const receiver = new Receiver({ isServer: true, maxPayload: MAX_BYTES })
  const hex = (kind: string) => (payload: Buffer) => findings.push(`${kind} ${payload.toString('hex')}`)
  receiver.on('message', (data: Buffer, isBinary: boolean) => {
    findings.push(isBinary ? `binary ${data.toString('hex')}` : `text ${data.toString()}`)
  })
  receiver.on('ping', hex('ping'))
  receiver.on('pong', hex('pong'))
  receiver.on('conclude', (code: number, reason: Buffer) => findings.push(`close ${code} ${reason.toString()}`))
  receiver.on('error', (error: Error) => {
    // The error has its close code under a symbol.
    const key = Object.getOwnPropertySymbols(error).find(({ description }) => description === 'status-code')!
    findings.push(`fault ${(error as unknown as Record<symbol, number>)[key]}`)
  })
  for (const chunk of chunks) {
    // It has ended itself behind a close frame.
    if (receiver.writable) receiver.write(Buffer.from(chunk))
  }
  // It tells of its error in the next tick.
  await new Promise((resolve) => setImmediate(resolve))
  return findings
}

// What a client may send: messages, whole or in fragments with control frames between them, and a close.

const mask = fc.oneof(fc.constant('00000000'), fc.uint8Array({ minLength: 4, maxLength: 4 }).map(toHex))
const controlPayload = fc.uint8Array({ maxLength: 125 })
const control: fc.Arbitrary<Buffer> = fc
  .tuple(fc.constantFrom<FrameKind>('ping', 'pong'), controlPayload, mask)
  .map(([kind, payload, key]) => clientFrame(kind, payload, { mask: key }))
const text = fc.string({ unit: 'grapheme', maxLength: 60 }).map((string) => Buffer.from(string))
const longText = fc.string({ unit: 'binary', minLength: 60, maxLength: 90 }).map((string) => Buffer.from(string))
const binary = fc.uint8Array({ maxLength: MAX_BYTES + 5 }).map((bytes) => Buffer.from(bytes))
const code = fc.oneof(fc.constantFrom(1000, 1001, 1005, 3000, 4999, 5000), fc.nat(65_535))

function message(kind: 'text' | 'binary', payload: fc.Arbitrary<Buffer>): fc.Arbitrary<Buffer> {
  const cuts = fc.array(fc.nat(MAX_BYTES), { maxLength: 4 })
  return fc.tuple(payload, cuts, fc.array(control, { maxLength: 2 }), mask).map(([bytes, at, controls, key]) => {
    const pieces = cut(bytes, at)
    const frames = pieces.map((piece, i) =>
      clientFrame(i === 0 ? kind : 'continuation', piece, { fin: i === pieces.length - 1, mask: key }),
    )
    return Buffer.concat(frames.flatMap((frame, i) => (i === 0 ? [frame] : [...controls, frame])))
  })
}

const close: fc.Arbitrary<Buffer> = fc
  .tuple(
    fc.option(code),
    fc.oneof(
      text,
      fc.uint8Array({ maxLength: 10 }).map((bytes) => Buffer.from(bytes)),
    ),
    mask,
  )
  .map(([closeCode, reason, key]) => {
    if (closeCode === null) return clientFrame('close', '', { mask: key })
    const payload = Buffer.concat([Buffer.of(closeCode >> 8, closeCode & 0xff), reason]).subarray(0, 125)
    return clientFrame('close', payload, { mask: key })
  })

const validMessage = fc.oneof(message('text', text), message('text', longText), message('binary', binary), control)
const session: fc.Arbitrary<Buffer> = fc
  .tuple(fc.array(validMessage, { maxLength: 8 }), fc.option(close), fc.array(validMessage, { maxLength: 1 }))
  .map(([before, end, after]) => Buffer.concat([...before, ...(end === null ? [] : [end]), ...after]))
const borders = fc.oneof(fc.array(fc.nat(2000), { maxLength: 12 }), fc.constant('bytewise' as const))

function chunksOf(bytes: Buffer, at: readonly number[] | 'bytewise'): Buffer[] {
  return at === 'bytewise' ? [...bytes].map((byte) => Buffer.of(byte)) : cut(bytes, at)
}

function cut(bytes: Buffer, at: readonly number[]): Buffer[] {
  const inside = [0, ...at.filter((offset) => offset < bytes.length).sort((a, b) => a - b), bytes.length]
  return inside.slice(1).map((end, i) => bytes.subarray(inside[i], end))
}

function toHex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex')
}

describe('FrameParser, with the parser of ws as the oracle', () => {
  it('reads valid frames like ws, with any division into chunks', async () => {
    await fc.assert(
      fc.asyncProperty(session, borders, async (bytes, at) => {
        const chunks = chunksOf(bytes, at)
        expect(parse(chunks).findings).toEqual(await parseAsWs(chunks))
      }),
      runs(400),
    )
  })

  it('reads the same frames after it is paused and resumed', () => {
    fc.assert(
      fc.property(session, borders, (bytes, at) => {
        const chunks = chunksOf(bytes, at)
        expect(parseStopping(chunks).findings).toEqual(parse(chunks).findings)
      }),
      runs(200),
    )
  })

  it('reads frames with a fault like ws, except for the known differences', async () => {
    const change = fc.record({
      at: fc.nat(1500),
      how: fc.constantFrom('flip', 'insert', 'remove'),
      bits: fc.integer({ min: 1, max: 255 }),
    })
    let known = 0
    await fc.assert(
      fc.asyncProperty(
        session,
        fc.array(change, { minLength: 1, maxLength: 3 }),
        borders,
        async (bytes, changes, at) => {
          // Zeros behind it complete any header that is cut off: ws looks at the first two bytes before the rest has come.
          const changed = Buffer.concat([changes.reduce(applyChange, bytes), Buffer.alloc(14)])
          const chunks = chunksOf(changed, at)
          const { isKnown, pair } = comparable(parse(chunks), await parseAsWs(chunks))
          expect(pair[0]).toEqual(pair[1])
          if (isKnown) known++
        },
      ),
      runs(600),
    )
    // In half of the runs at least it is an exact comparison.
    expect(known).toBeLessThan(300 * TIMES)
  })

  it('reads noise like ws, except for the known differences', async () => {
    // Noise that looks like headers: else nearly all of it would end at its first byte.
    const byte = fc.oneof(fc.constantFrom(0x01, 0x02, 0x80, 0x81, 0x82, 0x88, 0x89, 0x8a, 0xfe, 0xff), fc.nat(255))
    await fc.assert(
      fc.asyncProperty(fc.array(byte, { maxLength: 120 }), borders, async (noise, at) => {
        const chunks = chunksOf(Buffer.concat([Buffer.from(noise), Buffer.alloc(14)]), at)
        const { pair } = comparable(parse(chunks), await parseAsWs(chunks))
        expect(pair[0]).toEqual(pair[1])
      }),
      runs(600),
    )
  })
})

function applyChange(bytes: Buffer, { at, how, bits }: { at: number; how: string; bits: number }): Buffer {
  if (bytes.length === 0) return bytes
  const offset = at % bytes.length
  const [before, after] = [bytes.subarray(0, offset), bytes.subarray(offset + 1)]
  if (how === 'remove') return Buffer.concat([before, after])
  if (how === 'insert') return Buffer.concat([before, Buffer.of(bits), bytes.subarray(offset)])
  return Buffer.concat([before, Buffer.of(bytes[offset]! ^ bits), after])
}

/** What must be equal: all findings; behind one of the known differences, those before it. */
function comparable(ours: Log, theirs: Findings): { readonly isKnown: boolean; readonly pair: [Findings, Findings] } {
  const isKnown = /not in its shortest form|highest bit|^text that/.test(ours.fault ?? '')
  if (!isKnown) return { isKnown, pair: [ours.findings, theirs] }
  const before = ours.findings.slice(0, -1)
  return { isKnown, pair: [before, theirs.slice(0, before.length)] }
}
