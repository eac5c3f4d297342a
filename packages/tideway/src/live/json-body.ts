import type { Receive } from '../asgi/application.ts'
import type { HeaderList } from '../asgi/headers.ts'
import type { HttpReceiveEvent } from '../asgi/http-events.ts'

const JSON_TYPE = /^application\/json\s*(;|$)/i

/** Whether the headers name JSON. A form of another site can send other types without a preflight. */
export function hasJsonType(headers: HeaderList): boolean {
  return JSON_TYPE.test(headers.get('content-type') ?? '')
}

/**
 * Reads the body of a request; `undefined` if the client disconnects before its end. Throws what `tooLarge` returns as soon as
 * the `Content-Length` or the body is over `maxBytes`.
 */
export async function readBody(
  headers: HeaderList,
  receive: Receive<HttpReceiveEvent>,
  maxBytes: number,
  tooLarge: () => Error,
): Promise<Uint8Array | undefined> {
  if (Number(headers.get('content-length') ?? 0) > maxBytes) throw tooLarge()
  const pieces: Uint8Array[] = []
  let bytes = 0
  for (;;) {
    const event = await receive()
    if (event.type === 'http.disconnect') return undefined
    bytes += event.body.byteLength
    if (bytes > maxBytes) throw tooLarge()
    pieces.push(event.body)
    if (!event.moreBody) return pieces.length === 1 ? pieces[0] : Buffer.concat(pieces)
  }
}

/** Decodes a body. Throws a `TypeError` if it is not UTF-8. */
export function decodeBody(body: Uint8Array): string {
  return new TextDecoder('utf-8', { fatal: true }).decode(body)
}
