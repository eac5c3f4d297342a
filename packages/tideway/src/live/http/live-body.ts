import type { Receive } from '../../asgi/application.ts'
import type { HttpReceiveEvent } from '../../asgi/http-events.ts'
import type { HttpScope } from '../../asgi/scope.ts'
import { BadFrame, parseFrame } from '../frames.ts'
import type { ResolvedHttpOptions } from './http-options.ts'
import { HttpProblem } from './http-response.ts'
import { readText } from './request-body.ts'

/** What a client sends over HTTP. */
export type LiveBody =
  | { readonly transport: 'stream'; readonly messages: readonly string[] }
  | {
      readonly transport: 'poll'
      readonly messages: readonly string[]
      readonly groups: readonly string[]
      readonly waitMs: number
    }
  | { readonly transport: 'requests'; readonly messages: readonly string[] }

const DEFAULT_WAIT_MS = 25_000

/** Reads the body of a call; `undefined` if the client disconnects. @throws HttpProblem */
export async function readLiveBody(
  scope: HttpScope,
  receive: Receive<HttpReceiveEvent>,
  options: ResolvedHttpOptions,
): Promise<LiveBody | undefined> {
  const text = await readText(scope, receive, options.maxBodyBytes)
  if (text === undefined) return undefined
  try {
    return bodyOf(text, acceptsStream(scope), options)
  } catch (error) {
    if (error instanceof BadFrame) throw new HttpProblem(400, `Bad body: ${error.message}.`)
    throw error
  }
}

function acceptsStream({ headers }: HttpScope): boolean {
  return /\btext\/event-stream\b/i.test(headers.get('accept') ?? '')
}

function bodyOf(text: string, isStream: boolean, { maxFramesPerBody, maxWaitMs }: ResolvedHttpOptions): LiveBody {
  const frame = text.trimStart().startsWith('[') ? undefined : parseFrame(text)
  if (frame?.t === 'hello') {
    if (isStream) return { transport: 'stream', messages: [text] }
    const groups = [...new Set(frame.groups.map(({ g }) => g))]
    return { transport: 'poll', messages: [text], groups, waitMs: waitOf(text, maxWaitMs) }
  }
  if (isStream) throw new BadFrame('a stream begins with hello')
  const texts = frame === undefined ? textsOf(text) : [text]
  if (texts.length > maxFramesPerBody) {
    throw new HttpProblem(413, `The body has more than ${maxFramesPerBody} frames.`)
  }
  for (const each of texts) {
    const { t } = parseFrame(each) ?? {}
    if (t !== undefined && t !== 'request') throw new BadFrame('the frames of a body must be requests')
  }
  return { transport: 'requests', messages: ['{"t":"hello","v":1}', ...texts, '{"t":"ping"}'] }
}

function waitOf(text: string, maxWaitMs: number): number {
  const { wait = Math.min(DEFAULT_WAIT_MS, maxWaitMs) } = JSON.parse(text) as { readonly wait?: unknown }
  if (Number.isInteger(wait) && (wait as number) >= 0) return Math.min(wait as number, maxWaitMs)
  throw new BadFrame('wait must be a whole number of at least 0')
}

/** The elements of an array, as texts. */
function textsOf(text: string): string[] {
  let frames: unknown
  try {
    frames = JSON.parse(text)
  } catch {
    throw new BadFrame('it must be JSON')
  }
  if (!Array.isArray(frames)) return []
  return frames.map((frame) => JSON.stringify(frame))
}
