import { once } from 'node:events'
import { createReadStream, createWriteStream, type WriteStream } from 'node:fs'
import { createInterface } from 'node:readline'
import { encodeEvent } from '../../consumer/event-body.ts'
import { TidewayError } from '../../errors/tideway-error.ts'
import type { GroupAccess } from './group-command.ts'
import type { Line } from './lines.ts'
import type { NamedGroup } from './named-group.ts'

/** A new file with the lines of a tap. */
export class Recording {
  readonly #file: string
  readonly #stream: WriteStream
  #failed: Error | undefined

  /** @throws TidewayError `ERR_BAD_OPTION` from `write()` if the file exists or cannot be written */
  constructor(file: string) {
    this.#file = file
    this.#stream = createWriteStream(file, { flags: 'wx', mode: 0o600 })
    this.#stream.on('error', (error) => (this.#failed = error))
  }

  async write(line: Line): Promise<void> {
    await new Promise<void>((resolve) => void this.#stream.write(`${JSON.stringify(line)}\n`, () => resolve()))
    this.#requireWritten()
  }

  async close(): Promise<void> {
    this.#stream.end()
    if (this.#failed === undefined && !this.#stream.writableFinished) await once(this.#stream, 'finish').catch(() => {})
    this.#requireWritten()
  }

  #requireWritten(): void {
    if (this.#failed === undefined) return
    const { message } = this.#failed
    throw new TidewayError('ERR_BAD_OPTION', `--record ${this.#file}: ${message}`, { cause: this.#failed })
  }
}

/** How many lines of a recording were published, by their kind. */
export type Replayed = Record<'published' | 'duplicates' | 'volatile' | 'values', number>

/** Publishes the events and values of a recording in their order. @throws TidewayError `ERR_BAD_OPTION` for another file */
export async function replay(access: GroupAccess, group: NamedGroup, file: string): Promise<Replayed> {
  const counts: Replayed = { published: 0, duplicates: 0, volatile: 0, values: 0 }
  let number = 0
  for await (const text of linesOf(file)) {
    number++
    if (text.trim() === '') continue
    counts[await replayLine(access, group, parsed(text, `${file}:${number}`))]++
  }
  return counts
}

async function* linesOf(file: string): AsyncGenerator<string> {
  try {
    yield* createInterface({ input: createReadStream(file, 'utf8'), crlfDelay: Infinity })
  } catch (cause) {
    throw new TidewayError('ERR_BAD_OPTION', `--replay ${file}: ${(cause as Error).message}`, { cause })
  }
}

async function replayLine(
  { keptGroups }: GroupAccess,
  { name, history, keep }: NamedGroup,
  line: Line,
): Promise<keyof Replayed> {
  if ('key' in line) {
    await keptGroups.set(name, line.key, line.deleted === true ? undefined : JSON.stringify(line.value), {}, keep)
    return 'values'
  }
  if ('volatile' in line) {
    await keptGroups.publishVolatile(name, encodeEvent(line.event, line.data))
    return 'volatile'
  }
  const body = 'body' in line ? line.body : encodeEvent(line.event, line.data, line.id)
  // The same file again is the same events.
  const { duplicate } = await keptGroups.publish(name, body, history, { id: `replay:${line.position}` })
  return duplicate ? 'duplicates' : 'published'
}

function parsed(text: string, at: string): Line {
  let line: Partial<Record<'position' | 'event' | 'key' | 'body' | 'volatile', unknown>> | null
  try {
    line = JSON.parse(text) as typeof line
  } catch {
    line = null
  }
  const { position, event, key, body, volatile } = line ?? {}
  const isPlaced = volatile === true || typeof position === 'string'
  if (isPlaced && [event, key, body].some((part) => typeof part === 'string')) return line as unknown as Line
  throw new TidewayError('ERR_BAD_OPTION', `${at} is not a line that "tideway tap --record" has written.`)
}
