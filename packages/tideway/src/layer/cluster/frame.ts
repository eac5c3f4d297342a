/**
 * The kinds of frames between a process and the hub. A frame is its length without this field (4 bytes), the kind (1), an id (4), a number
 * (4), the length of the name (1), the name in ASCII, and the payload. Integers are little-endian.
 */
export const kinds = {
  /** Process to hub, first: {@link Hello} as JSON. */
  hello: 1,
  /** Hub to process: it serves the process. */
  welcome: 2,
  /** Process to hub: a call with an id; the payload is `[method, …arguments]` as JSON. */
  call: 3,
  /** Hub to process: the result of the call with this id, as JSON. */
  result: 4,
  /** Hub to process: the call with this id has failed; the payload is the text. */
  failure: 5,
  /** Process to hub: a call without a result. */
  tell: 6,
  /** Both directions, unchanged: a message to the group of this name. */
  group: 7,
  /** Process to hub: a message to the channel of this name, with the capacity as number. The result is whether it was taken. */
  send: 8,
  /** Hub to process: a message to a channel of the process. */
  message: 9,
  /** Process to hub: it wants one message of a general channel, with the capacity as number. */
  want: 10,
  /** Process to hub: it does not want it any more. */
  unwant: 11,
  /** Hub to process: the wanted message. */
  job: 12,
  /** Process to hub: the message of a `job` that nothing wants any more. */
  putBack: 13,
  /** Hub to process: an entry of the log of the group, as `EPOCH:OFFSET:BODY`. */
  entry: 14,
  /** Hub to process: a volatile event of the group. */
  volatile: 15,
  /** Hub to process: members of these groups in the process have missed messages; the payload is a JSON list of names. */
  missed: 16,
  /** Hub to process: entries of logs may be missing. */
  logGap: 17,
  /** Hub to process: its figures, and at most `number` of its kept groups. Process to hub, with the same id: the answer as JSON. */
  survey: 18,
} as const

/** The first frame of a process. */
export interface Hello {
  /** The name of the layer: layers with the same name share all. */
  readonly layer: string
  readonly process: string
  readonly expiryMs: number
  readonly groupExpiryMs: number
  readonly maxQueuedBytes: number
}

const HEADER_BYTES = 14
/** The largest frame, in bytes: far more than a message or a read. */
const MAX_FRAME_BYTES = 256 * 1024 * 1024
const EMPTY = Buffer.alloc(0)

/** A frame that was read. `bytes` is the whole of it, to send it on. */
export interface Frame {
  readonly kind: number
  readonly id: number
  readonly number: number
  readonly name: string
  readonly payload: Buffer
  readonly bytes: Buffer
}

/** Makes the bytes of a frame. */
export function frame(kind: number, name = '', payload: Buffer | string = EMPTY, id = 0, number = 0): Buffer {
  const isText = typeof payload === 'string'
  const nameEnd = HEADER_BYTES + name.length
  const size = nameEnd + (isText ? Buffer.byteLength(payload) : payload.length)
  const bytes = Buffer.allocUnsafe(size)
  bytes.writeUInt32LE(size - 4, 0)
  bytes.writeUInt8(kind, 4)
  bytes.writeUInt32LE(id, 5)
  bytes.writeUInt32LE(number, 9)
  bytes.writeUInt8(name.length, 13)
  bytes.write(name, HEADER_BYTES, 'latin1')
  if (isText) bytes.write(payload, nameEnd)
  else payload.copy(bytes, nameEnd)
  return bytes
}

/** Cuts what arrives into frames. */
export class FrameReader {
  readonly #onFrame: (frame: Frame) => void
  #chunks: Buffer[] = []
  #bytes = 0
  /** The bytes that have to be there before a frame is whole. */
  #needed = 4

  constructor(onFrame: (frame: Frame) => void) {
    this.#onFrame = onFrame
  }

  push(chunk: Buffer): void {
    this.#chunks.push(chunk)
    this.#bytes += chunk.length
    if (this.#bytes < this.#needed) return
    const data = this.#chunks.length === 1 ? chunk : Buffer.concat(this.#chunks)
    let start = 0
    for (;;) {
      const left = data.length - start
      this.#needed = left < 4 ? 4 : 4 + data.readUInt32LE(start)
      if (this.#needed > MAX_FRAME_BYTES) throw new Error('A frame has a wrong length.')
      if (left < this.#needed) break
      const end = start + this.#needed
      this.#onFrame(parse(data.subarray(start, end)))
      start = end
    }
    this.#bytes = data.length - start
    this.#chunks = this.#bytes === 0 ? [] : [data.subarray(start)]
  }
}

function parse(bytes: Buffer): Frame {
  const nameEnd = HEADER_BYTES + bytes[13]!
  return {
    kind: bytes[4]!,
    id: bytes.readUInt32LE(5),
    number: bytes.readUInt32LE(9),
    name: bytes.toString('latin1', HEADER_BYTES, nameEnd),
    payload: bytes.subarray(nameEnd),
    bytes,
  }
}
