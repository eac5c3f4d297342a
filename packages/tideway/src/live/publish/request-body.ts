import type { Receive } from '../../asgi/application.ts'
import type { HeaderList } from '../../asgi/headers.ts'
import type { HttpReceiveEvent } from '../../asgi/http-events.ts'
import { Refusal } from './refusal.ts'

/** Checks what the headers say about the body, before it is read. @throws Refusal */
export function requireJsonHeaders(headers: HeaderList, maxBytes: number): void {
  const type = headers.get('content-type')?.split(';')[0]!.trim().toLowerCase()
  if (type !== 'application/json') {
    throw new Refusal('unsupported_media_type', 'The Content-Type must be application/json.')
  }
  if ((headers.get('content-encoding') ?? 'identity') !== 'identity') {
    throw new Refusal('unsupported_media_type', 'The body must not be compressed.')
  }
  if (Number(headers.get('content-length') ?? 0) > maxBytes) throw tooLarge(maxBytes)
}

/** Reads the body. Resolves with `undefined` if the client disconnects first. @throws Refusal `too_large` */
export async function readBody(receive: Receive<HttpReceiveEvent>, maxBytes: number): Promise<Uint8Array | undefined> {
  const pieces: Uint8Array[] = []
  let bytes = 0
  for (;;) {
    const event = await receive()
    if (event.type !== 'http.request') return undefined
    bytes += event.body.byteLength
    if (bytes > maxBytes) throw tooLarge(maxBytes)
    pieces.push(event.body)
    if (!event.moreBody) return pieces.length === 1 ? pieces[0] : Buffer.concat(pieces)
  }
}

/** @throws Refusal `bad_json` */
export function parseJson(body: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body)) as unknown
  } catch {
    throw new Refusal('bad_json', 'The body must be JSON in UTF-8.')
  }
}

function tooLarge(maxBytes: number): Refusal {
  return new Refusal('too_large', `The body is over ${maxBytes} bytes.`)
}
