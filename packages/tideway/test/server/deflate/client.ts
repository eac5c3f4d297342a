import { constants, inflateRawSync } from 'node:zlib'
import { clientFrame, readFrame, type FrameKind } from '../frames.ts'
import { RawClient, requestText, validHandshake } from '../raw-client.ts'

/** RFC 7692 §7.2.1: what a sender leaves off. */
const TAIL = Buffer.from('0000ffff', 'hex')

/** Sends a handshake with this offer; what the server answered to it. */
export async function openOffering(
  port: number,
  offer: string | undefined,
): Promise<{ readonly client: RawClient; readonly status: number; readonly agreed: string | undefined }> {
  const client = await RawClient.connect(port)
  client.write(requestText('GET / HTTP/1.1', { ...validHandshake, 'Sec-WebSocket-Extensions': offer }))
  const { status, headers } = await client.head()
  return { client, status, agreed: headers['sec-websocket-extensions'] }
}

/** A frame of a client with RSV1. */
export function compressedFrame(
  kind: FrameKind,
  payload: Uint8Array,
  options: { readonly fin?: boolean; readonly mask?: string } = {},
): Buffer {
  const frame = clientFrame(kind, payload, options)
  frame[0]! |= 0x40
  return frame
}

/** Frames of a server that compresses each message for itself, as lines: `deflated text Hello`, `text Hello`, `close 1002`. */
export function describeCompressed(bytes: Buffer): string[] {
  const lines: string[] = []
  let rest = bytes
  while (rest.length > 0) {
    const isCompressed = (rest[0]! & 0x40) !== 0
    const plain = Buffer.from(rest)
    plain[0]! &= ~0x40
    const frame = readFrame(plain)
    if (frame === undefined) throw new Error('The server ended inside a frame.')
    const { name } = frame
    const payload = isCompressed ? inflate(frame.payload) : frame.payload
    const content = name === 'close' ? closeContent(payload) : payload.toString(name === 'binary' ? 'hex' : 'utf8')
    lines.push(`${isCompressed ? 'deflated ' : ''}${name}${content === '' && name === 'close' ? '' : ` ${content}`}`)
    rest = frame.rest
  }
  return lines
}

function inflate(payload: Buffer): Buffer {
  return inflateRawSync(Buffer.concat([payload, TAIL]), { finishFlush: constants.Z_SYNC_FLUSH })
}

function closeContent(payload: Buffer): string {
  return payload.length === 0 ? '' : String(payload.readUInt16BE(0))
}
