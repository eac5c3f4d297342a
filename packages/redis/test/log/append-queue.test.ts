import { describe, expect, it } from 'vitest'

import { TidewayError } from 'tideway/layer/kit'

import { AppendQueue, type AppendResult, type BatchOptions, type LogEvent } from '../../src/log/append-queue.ts'

const options: BatchOptions = { size: 100, ttlMs: 1000, headTtlMs: 2000, idTtlMs: 3000 }

/** A call of the script, as the ids or sizes of its events. */
interface Call {
  readonly events: readonly LogEvent[]
  succeed(): void
  fail(error: Error): void
}

class Script {
  readonly calls: Call[] = []
  readonly appends: Promise<AppendResult>[] = []
  isIdle = false
  readonly queue = new AppendQueue(
    (events) =>
      new Promise((resolve, reject) => {
        this.isIdle = false
        const before = this.calls.reduce((sum, call) => sum + call.events.length, 0)
        const results = events.map((_, index) => ({ epoch: 'e', offset: before + index + 1, duplicate: false }))
        this.calls.push({ events, succeed: () => resolve(results), fail: reject })
      }),
    () => {
      this.isIdle = true
    },
  )

  append(count: number, event: Partial<LogEvent> = {}, wanted = options): void {
    for (let index = 0; index < count; index++) {
      this.appends.push(this.queue.append({ body: Buffer.from('x'), id: undefined, ...event }, wanted))
    }
  }

  get sizes(): number[] {
    return this.calls.map(({ events }) => events.length)
  }
}

/** Ends the turn: what waits for it is sent. */
const turn = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve))

describe('AppendQueue', () => {
  it('sends the appends of one turn in one call, and resolves each with its own result', async () => {
    const script = new Script()
    script.append(3)
    expect(script.sizes).toEqual([])
    await turn()
    expect(script.sizes).toEqual([3])
    script.calls[0]!.succeed()
    expect((await Promise.all(script.appends)).map(({ offset }) => offset)).toEqual([1, 2, 3])
    await turn()
    expect(script.isIdle).toBe(true)
  })

  it('sends the appends that come during a call after its reply, together with those that the reply causes', async () => {
    const script = new Script()
    script.append(1)
    const caused = script.appends[0]!.then(() => script.append(2))
    await turn()
    script.append(4)
    await turn()
    expect(script.sizes).toEqual([1])
    script.calls[0]!.succeed()
    await turn()
    expect(script.sizes).toEqual([1, 6])
    script.calls[1]!.succeed()
    await caused
    expect((await Promise.all(script.appends)).map(({ offset }) => offset)).toEqual([1, 2, 3, 4, 5, 6, 7])
  })

  it('sends 64 appends during a call, and keeps later ones back', async () => {
    const script = new Script()
    script.append(1)
    await turn()
    script.append(64)
    expect(script.sizes).toEqual([1])
    script.append(1)
    expect(script.sizes).toEqual([1, 64])
    await turn()
    expect(script.sizes).toEqual([1, 64])
  })

  it('sends at most 65536 bytes in a call, and a larger event alone', async () => {
    const script = new Script()
    script.append(2, { body: Buffer.alloc(32_768) })
    script.append(1, { body: Buffer.alloc(1) })
    script.append(1, { body: Buffer.alloc(100_000) })
    script.append(1)
    await turn()
    expect(script.sizes).toEqual([2, 1, 1, 1])
  })

  it('sends two events with one id in two calls', async () => {
    const script = new Script()
    script.append(1, { id: 'a' })
    script.append(1, { id: 'b' })
    script.append(2, { id: 'a' })
    await turn()
    expect(script.calls.map(({ events }) => events.map(({ id }) => id))).toEqual([['a', 'b'], ['a'], ['a']])
  })

  it.each(['size', 'ttlMs', 'headTtlMs', 'idTtlMs'] as const)(
    'sends appends with another %s in another call',
    async (name) => {
      const script = new Script()
      script.append(2)
      script.append(2, {}, { ...options, [name]: 1 })
      await turn()
      expect(script.sizes).toEqual([2, 2])
    },
  )

  it('rejects the appends of a failed call, each with its own error, and sends those that wait', async () => {
    const script = new Script()
    script.append(2)
    await turn()
    script.append(1)
    const [first, second, waiting] = script.appends
    script.calls[0]!.fail(new TidewayError('ERR_LAYER_UNAVAILABLE', 'Redis is gone.', { cause: 'a cause' }))
    const errors = await Promise.all([first, second].map((append) => append!.catch((error: unknown) => error)))
    for (const error of errors) {
      expect(error).toMatchObject({ code: 'ERR_LAYER_UNAVAILABLE', message: 'Redis is gone.', cause: 'a cause' })
    }
    expect(errors[0]).not.toBe(errors[1])
    await turn()
    script.calls[1]!.succeed()
    await expect(waiting).resolves.toMatchObject({ offset: 3 })
  })

  it('sends what waits during a call at release()', async () => {
    const script = new Script()
    script.append(1)
    await turn()
    script.append(2)
    script.queue.release()
    expect(script.sizes).toEqual([1, 2])
    script.calls[0]!.succeed()
    await turn()
    expect(script.isIdle).toBe(false)
    script.calls[1]!.succeed()
    await turn()
    expect(script.isIdle).toBe(true)
  })
})
