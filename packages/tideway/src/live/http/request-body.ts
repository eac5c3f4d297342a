import type { Receive } from '../../asgi/application.ts'
import type { HttpReceiveEvent } from '../../asgi/http-events.ts'
import type { HttpScope } from '../../asgi/scope.ts'
import { decodeBody, hasJsonType, readBody } from '../json-body.ts'
import { HttpProblem } from './http-response.ts'

/** Reads the text of a JSON body; `undefined` if the client disconnects. @throws HttpProblem */
export async function readText(
  { headers }: HttpScope,
  receive: Receive<HttpReceiveEvent>,
  maxBytes: number,
): Promise<string | undefined> {
  if (!hasJsonType(headers)) throw new HttpProblem(415, 'The Content-Type must be application/json.')
  const tooLarge = (): HttpProblem => new HttpProblem(413, `The body is larger than ${maxBytes} bytes.`)
  const body = await readBody(headers, receive, maxBytes, tooLarge)
  try {
    return body && decodeBody(body)
  } catch {
    throw new HttpProblem(400, 'The body must be UTF-8.')
  }
}
