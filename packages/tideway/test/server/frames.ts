/** The opcodes of RFC 6455 §5.2, by the names that the tests use. */
const names: Readonly<Record<number, string>> = {
  0: 'continuation',
  1: 'text',
  2: 'binary',
  8: 'close',
  9: 'ping',
  10: 'pong',
}
const opcodes = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const

/** A kind of frame. */
export type FrameKind = keyof typeof opcodes

/** Builds a frame of a client, for payloads that are too long to be written in hex. */
export function clientFrame(
  kind: FrameKind,
  payload: Uint8Array | string = '',
  { fin = true, mask = '00000000' }: { readonly fin?: boolean; readonly mask?: string } = {},
): Buffer {
  const bytes = Buffer.from(payload)
  const key = Buffer.from(mask, 'hex')
  const masked = bytes.map((byte, i) => byte ^ key[i % 4]!)
  return Buffer.concat([lengthHeader((fin ? 0x80 : 0) | opcodes[kind], bytes.length), key, masked])
}

function lengthHeader(first: number, length: number): Buffer {
  if (length < 126) return Buffer.from([first, 0x80 | length])
  if (length < 65_536) return Buffer.from([first, 0x80 | 126, length >> 8, length & 0xff])
  const header = Buffer.alloc(10)
  header.set([first, 0x80 | 127])
  header.writeBigUInt64BE(BigInt(length), 2)
  return header
}

/**
 * Takes the first frame of a server as a line: `text Hello`, `binary 00ff`, `close 1002`, `pong Hello`. Throws on what no
 * server may send. `undefined`: it is not complete.
 */
export function takeFrame(bytes: Buffer): { readonly line: string; readonly rest: Buffer } | undefined {
  const frame = readFrame(bytes)
  return frame && { line: describe(frame.name, frame.payload), rest: frame.rest }
}

/** The kind and the payload of the first frame of a server. `undefined`: it is not complete. */
export function readFrame(
  bytes: Buffer,
): { readonly name: string; readonly payload: Buffer; readonly rest: Buffer } | undefined {
  if (bytes.length < 2) return undefined
  const [first, second] = bytes as unknown as readonly [number, number]
  const name = names[first & 0x0f]
  if ((first & 0x70) !== 0 || name === undefined) throw new Error(`The server sent a frame that begins with ${first}.`)
  if (second >= 0x80) throw new Error('The server masked a frame.')
  if (first < 0x80) throw new Error('The server fragmented a message.')
  const start = second < 126 ? 2 : second === 126 ? 4 : 10
  if (bytes.length < start) return undefined
  const length = second < 126 ? second : second === 126 ? bytes.readUInt16BE(2) : Number(bytes.readBigUInt64BE(2))
  if (length < (second < 126 ? 0 : second === 126 ? 126 : 65_536))
    throw new Error('The length is not in its shortest form.')
  const end = start + length
  if (bytes.length < end) return undefined
  return { name, payload: bytes.subarray(start, end), rest: bytes.subarray(end) }
}

/** All frames of a server, as lines. */
export function describeFrames(bytes: Buffer): string[] {
  const lines: string[] = []
  let rest = bytes
  for (let taken = takeFrame(rest); taken !== undefined; taken = takeFrame(rest)) {
    lines.push(taken.line)
    rest = taken.rest
  }
  if (rest.length > 0) throw new Error(`Behind the last frame came ${rest.toString('hex')}.`)
  return lines
}

function describe(name: string, payload: Buffer): string {
  switch (name) {
    case 'close':
      return payload.length === 0 ? 'close' : `close ${payload.readUInt16BE(0)}`
    case 'binary':
      return `binary ${payload.toString('hex')}`
    default:
      return `${name} ${payload.toString()}`
  }
}
