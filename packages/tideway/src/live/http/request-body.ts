import type { Receive } from '../../asgi/application.ts'
import type { HttpReceiveEvent } from '../../asgi/http-events.ts'
import type { HttpScope } from '../../asgi/scope.ts'
import { HttpProblem } from './http-response.ts'

const JSON_TYPE = /^application\/json\s*(;|$)/i

/**
 * Reads the text of a JSON body; `undefined` if the client disconnects. Other types are refused: a form of another site can send
 * them without a preflight.
 * @throws HttpProblem
 */
export async function readText(
  { headers }: HttpScope,
  receive: Receive<HttpReceiveEvent>,
  maxBytes: number,
): Promise<string | undefined> {
  if (!JSON_TYPE.test(headers.get('content-type') ?? '')) {
    throw new HttpProblem(415, 'The Content-Type must be application/json.')
  }
  const tooLarge = (): HttpProblem => new HttpProblem(413, `The body is larger than ${maxBytes} bytes.`)
  if (Number(headers.get('content-length') ?? 0) > maxBytes) throw tooLarge()
  const pieces: Uint8Array[] = []
  let size = 0
  for (let hasMore = true; hasMore;) {
    const event = await receive()
    if (event.type === 'http.disconnect') return undefined
    size += event.body.byteLength
    if (size > maxBytes) throw tooLarge()
    pieces.push(event.body)
    hasMore = event.moreBody
  }
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(Buffer.concat(pieces))
  } catch {
    throw new HttpProblem(400, 'The body must be UTF-8.')
  }
}
