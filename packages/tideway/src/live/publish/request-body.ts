import type { Receive } from '../../asgi/application.ts'
import type { HeaderList } from '../../asgi/headers.ts'
import type { HttpReceiveEvent } from '../../asgi/http-events.ts'
import { decodeBody, hasJsonType, readBody } from '../json-body.ts'
import { Refusal } from './refusal.ts'

/** Checks what the headers say about the type of the body, before it is read. @throws Refusal */
export function requireJsonHeaders(headers: HeaderList): void {
  if (!hasJsonType(headers)) throw new Refusal('unsupported_media_type', 'The Content-Type must be application/json.')
  if ((headers.get('content-encoding') ?? 'identity') !== 'identity') {
    throw new Refusal('unsupported_media_type', 'The body must not be compressed.')
  }
}

/** Reads the body. Resolves with `undefined` if the client disconnects first. @throws Refusal `too_large` */
export function readBounded(
  headers: HeaderList,
  receive: Receive<HttpReceiveEvent>,
  maxBytes: number,
): Promise<Uint8Array | undefined> {
  return readBody(headers, receive, maxBytes, () => new Refusal('too_large', `The body is over ${maxBytes} bytes.`))
}

/** @throws Refusal `bad_json` */
export function parseJson(body: Uint8Array): unknown {
  try {
    return JSON.parse(decodeBody(body)) as unknown
  } catch {
    throw new Refusal('bad_json', 'The body must be JSON in UTF-8.')
  }
}
