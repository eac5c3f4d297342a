import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import type { LiveGroup, LiveState, PendingRequest, RequestFailedError } from '@tideway/client/live'
import { temporary } from '../../src/live/live-requests.ts'
import type { VirtualLive } from './virtual-live.ts'

export type Frame = Readonly<Record<string, unknown>> & {
  readonly t?: string
  readonly g?: string
  readonly id?: string
}

export interface Vector {
  readonly name: string
  readonly for?: 'server' | 'client'
  readonly steps: readonly {
    readonly client?: Frame
    readonly server?: Frame | readonly Frame[]
    readonly disconnect?: true
  }[]
}

/** The vectors of the specification. */
export const { vectors } = JSON.parse(
  readFileSync(new URL('../../../../docs/spec/live-vectors.json', import.meta.url), 'utf8'),
) as { readonly vectors: readonly Vector[] }

/** The frame with epochs and values in place of `$E` and `*`. */
export function filled<Value>(value: Value): Value {
  const text = JSON.stringify(value)
    .replace(/\$([A-Z])(?=:\d+")/g, (_, name: string) => name.toLowerCase())
    .replaceAll('"within":"*"', '"within":8000')
  return JSON.parse(text) as Value
}

/** Runs a vector: the test is the server and the application, and the client is real. */
export class VectorRun {
  readonly #virtual: VirtualLive
  readonly #groups = new Map<string, LiveGroup<never>>()
  /** The values that a group has after the frames of the server. */
  readonly #values = new Map<string, { at: string; readonly map: Map<string, unknown> }>()
  readonly #requests = new Map<string, PendingRequest<unknown>>()
  readonly #heard: unknown[] = []
  readonly #expected: unknown[] = []
  /** The number of messages of the client that the vector has had on this connection. */
  #compared = 0

  constructor(virtual: VirtualLive) {
    this.#virtual = virtual
  }

  async client(frame: Frame): Promise<void> {
    const { client, sockets, pass } = this.#virtual
    switch (frame.t) {
      case 'hello':
        for (const [name, start] of Object.entries(frame['groups'] as Record<string, object>)) this.#join(name, start)
        sockets.last.open()
        this.#compared = 0
        break
      case 'join':
        this.#join(frame.g ?? '', frame)
        break
      case 'leave':
        this.#groups.get(frame.g ?? '')?.leave()
        this.#groups.delete(frame.g ?? '')
        break
      case 'request':
        // After a lost connection the client repeats it by itself.
        if (!this.#requests.has(frame.id ?? '')) {
          const request = client.request(frame['m'] as string, frame['d'], { id: frame.id ?? '' })
          request.catch(() => {})
          this.#requests.set(request.id, request)
        }
        break
      default:
        // The client sends a ping only after a long silence.
        return
    }
    await pass(0)
    const sent = sockets.last.messages[this.#compared++]
    // A resume may name the number of events for the case that the log does not continue the position.
    assert.deepEqual(frame.t === 'hello' ? withoutLast(sent) : sent, frame.t === 'hello' ? withoutLast(frame) : frame)
  }

  async server(frame: Frame): Promise<void> {
    const { sockets, pass } = this.#virtual
    sockets.last.receive(frame)
    await pass(0)
    const group = this.#groups.get(frame.g ?? '')
    if (frame['e'] !== undefined && group) {
      const at = frame['at'] as string | undefined
      const isKnown = this.#expected.some((one) => at !== undefined && (one as Frame)['at'] === at)
      if (frame['e'] !== '' && !isKnown) this.#expected.push({ at, e: frame['e'], d: frame['d'], id: frame.id })
    }
    if (frame.t === 'joined' || frame.t === 'reset') assert.equal(group?.position, frame['at'])
    this.#checkValues(frame, group)
    if (frame.t === 'left' && frame['code']) this.#checkRefusal(frame)
    if (frame.t === 'answer') await this.#checkAnswer(frame)
    if (frame.t === 'move') {
      await pass(1_000)
      assert.equal(sockets.all.length, 2)
      this.#compared = 0
    }
  }

  async disconnect(): Promise<void> {
    const { sockets, pass } = this.#virtual
    sockets.last.end()
    await pass(1_000)
  }

  /** What the listeners received, what they had to receive, and the number of messages that the vector does not have. */
  get result(): { readonly heard: unknown[]; readonly expected: unknown[]; readonly extra: number } {
    const part = (event: unknown, index: 0 | 1): string =>
      ((event as Frame)['at'] as string | undefined)?.split(':')[index] ?? ''
    // The order of the log: after a gap the client has ignored an early event until its turn.
    const expected = this.#expected.toSorted((one, other) =>
      part(one, 0) === part(other, 0) ? Number(part(one, 1)) - Number(part(other, 1)) : 0,
    )
    return { heard: this.#heard, expected, extra: this.#virtual.sockets.last.messages.length - this.#compared }
  }

  #join(name: string, start: object): void {
    if (this.#groups.has(name)) return
    const [family = '', ...id] = name.split('.')
    const group = this.#virtual.client.join(family, id.join('.'), start)
    group.onAny((event) => this.#heard.push({ at: event.position, e: event.name, d: event.data, id: event.id }))
    this.#groups.set(name, group as never)
  }

  /** The values are those of `joined` and `reset`, with each change after the position. */
  #checkValues({ g = '', at, k, d, values }: Frame, group: LiveGroup<never> | undefined): void {
    const position = String(at)
    if (values !== undefined) this.#values.set(g, { at: position, map: new Map(Object.entries(values as object)) })
    const expected = this.#values.get(g)
    if (group === undefined || expected === undefined) return
    if (k !== undefined && offsetOf(position) > offsetOf(expected.at)) {
      expected.at = position
      if (d === undefined) expected.map.delete(k as string)
      else expected.map.set(k as string, d)
    }
    assert.deepEqual((group as unknown as LiveState<unknown>).values, expected.map)
  }

  #checkRefusal({ g = '', code }: Frame): void {
    const isTemporary = temporary.includes(String(code))
    assert.equal(this.#groups.get(g)?.state, isTemporary ? 'joining' : 'left')
    if (!isTemporary) this.#groups.delete(g)
  }

  async #checkAnswer(frame: Frame): Promise<void> {
    const request = this.#requests.get(frame.id ?? '')
    const error = frame['error'] as { code: string; message: string } | undefined
    if (!error) return assert.deepEqual(await request, frame['ok'])
    if (temporary.includes(error.code)) return undefined
    const reason = (await request?.catch((caught: unknown) => caught)) as RequestFailedError
    return assert.deepEqual([reason.serverCode, reason.message], [error.code, error.message])
  }
}

function offsetOf(position: string): number {
  return Number(position.split(':')[1])
}

function withoutLast(hello: unknown): unknown {
  return JSON.parse(JSON.stringify(hello, (key, value: unknown) => (key === 'last' ? undefined : value)))
}
