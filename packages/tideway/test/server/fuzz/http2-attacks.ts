import { clientFrame } from '../frames.ts'
import { frame } from '../http2/raw-frames.ts'
import { mutated } from './attacks.ts'
import type { Random } from './random.ts'

const PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n')

// RFC 9113 §6.
const types = {
  data: 0,
  headers: 1,
  priority: 2,
  resetStream: 3,
  settings: 4,
  pushPromise: 5,
  ping: 6,
  goAway: 7,
  windowUpdate: 8,
  continuation: 9,
} as const

/** `GET https://a/` in static entries of HPACK (RFC 7541, appendix A) and a literal. */
const getFields = Buffer.from('828487410161', 'hex')
const postFields = Buffer.from('838487410161', 'hex')
/** RFC 8441 §5: an extended CONNECT for a WebSocket. */
const connectFields = Buffer.concat([
  literal(2, 'CONNECT'),
  literal(':protocol', 'websocket'),
  Buffer.from('8784410161', 'hex'),
  literal('sec-websocket-version', '13'),
  literal('sec-websocket-extensions', 'permessage-deflate'),
])

/** What one connection of HTTP/2 sends, in pieces. */
export function http2Attack(random: Random): Buffer[] {
  if (random.is(0.05)) return [random.bytes(random.below(3000))]
  const start = [random.is(0.05) ? mutated(PREFACE, random) : PREFACE, frame(types.settings, 0, 0, Buffer.alloc(0))]
  const count = 1 + random.below(15)
  const pieces = Array.from({ length: count }, (_, i) => stream(random, 2 * i + 1)).flat()
  return [...start, ...pieces.map((piece) => (random.is(0.08) ? mutated(piece, random) : piece))]
}

/** The frames of a stream that begins, or something that no stream begins with. */
function stream(random: Random, id: number): Buffer[] {
  switch (random.below(6)) {
    case 0:
      return [frame(types.headers, 0x5, id, getFields)]
    case 1:
      return [
        frame(types.headers, 0x4, id, postFields),
        ...dataFrames(random, id, () => random.bytes(random.size() % 16_384)),
      ]
    case 2:
    case 3:
      return [frame(types.headers, 0x4, id, connectFields), ...dataFrames(random, id, () => webSocketFrame(random))]
    case 4:
      return [
        frame(types.headers, 0x4, id, postFields),
        frame(types.resetStream, 0, id, Buffer.from('00000008', 'hex')),
      ]
    default:
      return [anyFrame(random, id)]
  }
}

function dataFrames(random: Random, id: number, payload: () => Buffer): Buffer[] {
  const count = random.below(6)
  const data = Array.from({ length: count }, () => frame(types.data, random.is(0.1) ? 0x8 : 0, id, payload()))
  return random.is(0.5) ? [...data, frame(types.data, 0x1, id, Buffer.alloc(0))] : data
}

function webSocketFrame(random: Random): Buffer {
  const whole = clientFrame(
    random.of(['text', 'binary', 'ping', 'close', 'continuation'] as const),
    random.bytes(random.below(300)),
  )
  return random.is(0.2) ? mutated(whole, random) : whole
}

function anyFrame(random: Random, id: number): Buffer {
  const type = random.below(12)
  const target = random.of([0, id, id + 1, 1, 0x7fffffff])
  const length = random.of([0, 4, 5, 6, 8, random.below(200)])
  return frame(type, random.below(256), target, random.bytes(length))
}

/** A field that goes into the dynamic table (RFC 7541 §6.2.1): an entry of the static one, or a name of its own. */
function literal(name: number | string, value: string): Buffer {
  const text = (one: string): Buffer => Buffer.concat([Buffer.from([one.length]), Buffer.from(one)])
  const start = typeof name === 'number' ? Buffer.from([0x40 | name]) : Buffer.concat([Buffer.from([0x40]), text(name)])
  return Buffer.concat([start, text(value)])
}
