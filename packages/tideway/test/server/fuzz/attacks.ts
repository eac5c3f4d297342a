import { deflateRawSync } from 'node:zlib'
import { clientFrame, type FrameKind } from '../frames.ts'
import type { Random } from './random.ts'

const handshake = [
  'GET /ws/ HTTP/1.1',
  'Host: localhost',
  'Upgrade: websocket',
  'Connection: Upgrade',
  'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
  'Sec-WebSocket-Version: 13',
] as const

const requests: readonly (readonly string[])[] = [
  ['GET / HTTP/1.1', 'Host: a'],
  ['GET /%F0%9F?x=%00 HTTP/1.1', 'Host: a', 'Connection: keep-alive'],
  ['HEAD /empty HTTP/1.0', ''],
  ['POST / HTTP/1.1', 'Host: a', 'Content-Length: 5'],
  ['POST / HTTP/1.1', 'Host: a', 'Transfer-Encoding: chunked', 'Expect: 100-continue'],
  ['PUT http://a/x HTTP/1.1', 'Host: a', 'Transfer-Encoding: gzip, chunked', 'TE: trailers'],
  ['OPTIONS * HTTP/1.1', 'Host: a'],
  ['CONNECT a:80 HTTP/1.1', 'Host: a'],
  ['GET / HTTP/1.1', 'Host: a', 'Upgrade: h2c', 'Connection: Upgrade, HTTP2-Settings', 'HTTP2-Settings: AAMAAABk'],
  ['PRI * HTTP/2.0', '', '', 'SM', ''],
]

const oddHeaders = [
  'Content-Length: 5',
  'Content-Length: -1',
  'Content-Length: 99999999999999999999',
  'Transfer-Encoding: chunked',
  'Transfer-Encoding : chunked',
  'Host: b',
  'Connection: close',
  'Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits; server_max_window_bits=7',
  'Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits=9, permessage-deflate',
  'Sec-WebSocket-Protocol: a, b, a',
  'Sec-WebSocket-Version: 8',
  'X-Folded: a\r\n b',
  'X-Null: a\0b',
  'Forwarded: for="[::1]',
  ': no name',
]

const bodies = [
  'hello',
  '5\r\nhello\r\n0\r\n\r\n',
  '5;x=y\r\nhello\r\n0\r\nX-Trailer: 1\r\n\r\n',
  'ffffffffffffffff\r\n',
  '-1\r\n\r\n',
  '',
]

const kinds: readonly FrameKind[] = ['text', 'binary', 'continuation', 'ping', 'pong', 'close']

/** What one connection sends, in pieces. */
export function attack(random: Random): Buffer[] {
  const kind = random.next()
  if (kind < 0.1) return [random.bytes(random.below(3000))]
  if (kind < 0.35) return [mutated(requestText(random), random)]
  if (kind < 0.5) return [mutated(handshakeText(random), random), ...frames(random)]
  // A whole handshake, so that what follows reaches the engine.
  return [Buffer.from(handshakeText(random)), ...frames(random)]
}

function requestText(random: Random): string {
  const count = 1 + random.below(4)
  return Array.from({ length: count }, () => linesOf(random.of(requests), random) + random.of(bodies)).join('')
}

function handshakeText(random: Random): string {
  const isCompressed = random.is(0.5)
  const bits = random.of(['', '; client_max_window_bits=9', '; server_no_context_takeover; client_no_context_takeover'])
  const extension = isCompressed ? [`Sec-WebSocket-Extensions: permessage-deflate${bits}`] : []
  return `${[...handshake, ...extension].join('\r\n')}\r\n\r\n`
}

function linesOf(lines: readonly string[], random: Random): string {
  const all = [...lines]
  while (random.is(0.3)) all.splice(1 + random.below(all.length), 0, random.of(oddHeaders))
  if (random.is(0.03)) all.push(...Array.from({ length: 200 }, (_, i) => `X-${i}: ${i}`))
  if (random.is(0.03)) all.push(`X-Long: ${'x'.repeat(20_000)}`)
  return `${all.join(random.is(0.03) ? '\n' : '\r\n')}\r\n\r\n`
}

function frames(random: Random): Buffer[] {
  const count = random.below(12)
  return Array.from({ length: count }, () => {
    const frame = oneFrame(random)
    return random.is(0.15) ? mutated(frame, random) : frame
  })
}

function oneFrame(random: Random): Buffer {
  const kind = random.next()
  if (kind < 0.05) return random.bytes(random.below(200))
  if (kind < 0.15) return clientFrame('text', 'group')
  if (kind < 0.4) return compressedFrame(random)
  const name = random.of(kinds)
  const payload = name === 'close' ? closePayload(random) : name === 'text' ? text(random) : random.bytes(random.size())
  return clientFrame(name, payload, { fin: random.is(0.7), mask: random.bytes(4).toString('hex') })
}

/** A message with RSV1: deflated, broken, or much larger than it looks. */
function compressedFrame(random: Random): Buffer {
  const plain = random.is(0.1) ? Buffer.alloc(2_000_000) : text(random)
  const deflated = deflateRawSync(plain, { windowBits: random.of([9, 12, 15]) })
  const payload = random.is(0.3) ? mutated(deflated, random) : deflated
  const frame = clientFrame(random.of(['text', 'binary', 'continuation'] as const), payload, { fin: random.is(0.8) })
  frame[0]! |= random.of([0x40, 0x40, 0x40, 0x20, 0x70])
  return frame
}

function closePayload(random: Random): Buffer {
  const code = Buffer.alloc(2)
  code.writeUInt16BE(random.of([0, 999, 1000, 1004, 1005, 1006, 1015, 1016, 2999, 3000, 4999, 5000, 65_535]))
  return random.of([Buffer.alloc(0), code.subarray(1), code, Buffer.concat([code, text(random).subarray(0, 200)])])
}

function text(random: Random): Buffer {
  if (random.is(0.2)) return random.bytes(random.size())
  return Buffer.from('räksmörgås 👍 '.repeat(1 + Math.floor(random.size() / 20)))
}

/** The same with a few bytes changed, left out, doubled or cut off. */
export function mutated(original: string | Buffer, random: Random): Buffer {
  let bytes = Buffer.from(original)
  do {
    const at = random.below(bytes.length + 1)
    switch (random.below(5)) {
      case 0:
        if (bytes.length > 0) bytes[at % bytes.length] = random.below(256)
        break
      case 1:
        bytes = Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + random.below(8))])
        break
      case 2:
        bytes = Buffer.concat([bytes.subarray(0, at), random.bytes(random.below(8)), bytes.subarray(at)])
        break
      case 3:
        bytes = Buffer.concat([bytes.subarray(0, at), bytes.subarray(Math.max(0, at - 20))])
        break
      default:
        if (random.is(0.2)) bytes = bytes.subarray(0, at)
    }
  } while (random.is(0.6))
  return bytes
}
