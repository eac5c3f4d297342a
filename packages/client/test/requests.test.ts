import type { ClientError } from '@tideway/client'
import { describe, expect, it, vi } from 'vitest'
import { virtualClient } from './virtual-client.ts'

const failsWith = (code: ClientError['code']): ClientError => expect.objectContaining({ code }) as ClientError
/** Returns the rejection of a request. Attached from the start, so that it is never unhandled. */
const failure = (request: Promise<unknown>): Promise<unknown> =>
  request.then(
    (answer) => {
      throw new Error(`answered: ${JSON.stringify(answer)}`)
    },
    (error: unknown) => error,
  )
const idOf = (message: unknown): string => (message as { id: string }).id

describe('A request of the client', () => {
  it('gets an id, and resolves with the message of the same id, which emits no message event', async () => {
    const { client, sockets, messages, open } = await virtualClient()
    await open()
    const answers = [client.request({ what: 'time' }), client.request({ what: 'date' })]
    const [time, date] = sockets.last.messages
    expect(time).toEqual({ what: 'time', id: expect.any(String) as string })
    sockets.last.receive({ id: idOf(date), value: 2 })
    sockets.last.receive({ id: idOf(time), value: 1 })
    await expect(Promise.all(answers)).resolves.toMatchObject([{ value: 1 }, { value: 2 }])
    expect(messages).toEqual([])
  })

  it('ignores a message with an unknown id, which emits a message event', async () => {
    const { sockets, messages, open } = await virtualClient()
    await open()
    for (const message of [{ id: 'x-1' }, { id: 7 }, { id: null }, null, 3]) sockets.last.receive(message)
    expect(messages).toEqual([{ id: 'x-1' }, { id: 7 }, { id: null }, null, 3])
  })

  it('rejects if the answer has an error, with the whole answer as the cause', async () => {
    const { client, sockets, open } = await virtualClient()
    await open()
    const answer = client.request({})
    const id = idOf(sockets.last.messages[0])
    sockets.last.receive({ id, error: 'not in this room', room: 7 })
    await expect(answer).rejects.toMatchObject({
      code: 'ERR_REQUEST_FAILED',
      message: expect.stringContaining('not in this room') as string,
      cause: { room: 7 },
    })
  })

  it('rejects after its timeout, and a late answer emits a message event', async () => {
    const { client, sockets, messages, open, pass } = await virtualClient()
    await open()
    const failed = failure(client.request({}, { timeoutMs: 500 }))
    await pass(500)
    expect(await failed).toEqual(failsWith('ERR_REQUEST_TIMEOUT'))
    sockets.last.receive({ id: idOf(sockets.last.messages[0]) })
    expect(messages.length).toBe(1)
  })

  it('is never sent if it times out or aborts before a connection opens', async () => {
    const { client, sockets, open, pass } = await virtualClient()
    const abort = new AbortController()
    const timedOut = failure(client.request({ n: 1 }, { timeoutMs: 500 }))
    const aborted = failure(client.request({ n: 2 }, { signal: abort.signal }))
    const kept = client.request({ n: 3 })
    abort.abort('changed my mind')
    await pass(500)
    expect(await Promise.all([timedOut, aborted])).toEqual([failsWith('ERR_REQUEST_TIMEOUT'), 'changed my mind'])
    await open()
    expect(sockets.last.messages).toMatchObject([{ n: 3 }])
    sockets.last.receive({ id: idOf(sockets.last.messages[0]) })
    await kept
    expect(client.bufferedAmount).toBe(0)
  })

  it('rejects at once for an aborted signal and sends nothing', async () => {
    const { client, sockets, open } = await virtualClient()
    await open()
    await expect(client.request({}, { signal: AbortSignal.abort('before') })).rejects.toBe('before')
    expect(sockets.last.sent).toEqual([])
  })

  it.each([0, '', false, null])('rejects with the reason of the signal, even %j', async (reason) => {
    const { client, open } = await virtualClient()
    await open()
    const abort = new AbortController()
    const failed = failure(client.request({}, { signal: abort.signal }))
    abort.abort(reason)
    expect(await failed).toBe(reason)
  })

  it('rejects on a lost connection if it was sent, and stays queued if not', async () => {
    const { client, sockets, open, pass } = await virtualClient()
    await open()
    const sent = failure(client.request({ n: 1 }))
    sockets.last.end()
    expect(await sent).toEqual(failsWith('ERR_CONNECTION_LOST'))
    const kept = client.request({ n: 2 })
    await pass(2_000)
    await open()
    expect(sockets.last.messages).toMatchObject([{ n: 2 }])
    sockets.last.receive({ id: idOf(sockets.last.messages[0]) })
    await kept
  })

  it('is sent again with retry on the next connection, with the same id and in the same order, ahead of later messages', async () => {
    const { client, sockets, open, pass } = await virtualClient()
    await open()
    const answers = [1, 2, 3].map((n) => client.request({ n }, { retry: true }))
    const first = sockets.last
    first.receive({ id: idOf(first.messages[1]) })
    first.end()
    answers.push(client.request({ n: 4 }, { retry: true }))
    await pass(2_000)
    await open()
    expect(sockets.last.messages).toMatchObject([{ n: 1 }, { n: 3 }, { n: 4 }])
    expect(sockets.last.messages[0]).toEqual(first.messages[0])
    for (const message of sockets.last.messages) sockets.last.receive({ id: idOf(message) })
    await Promise.all(answers)
  })

  it.each([1003, 1007, 1009])('is not repeated with retry after a close with %i', async (code) => {
    const { client, sockets, open } = await virtualClient()
    await open()
    const failed = failure(client.request({}, { retry: true }))
    sockets.last.end(code)
    expect(await failed).toEqual(failsWith('ERR_CONNECTION_LOST'))
  })

  it('rejects on close(), sent or not', async () => {
    const { client, open } = await virtualClient()
    const waiting = failure(client.request({}))
    await open()
    const sent = failure(client.request({}, { retry: true }))
    client.close()
    expect(await Promise.all([waiting, sent])).toEqual([failsWith('ERR_CLOSED'), failsWith('ERR_CLOSED')])
    await expect(client.request({})).rejects.toEqual(failsWith('ERR_CLOSED'))
    expect(vi.getTimerCount()).toBe(0)
  })

  it('rejects beyond maxMessages unanswered requests', async () => {
    const { client, open, sockets } = await virtualClient({ outbox: { maxMessages: 2 } })
    await open()
    const two = Promise.allSettled([client.request({}), client.request({})])
    await expect(client.request({})).rejects.toEqual(failsWith('ERR_OUTBOX_FULL'))
    expect(sockets.last.sent.length).toBe(2)
    client.close()
    await two
  })

  it('rejects if it is dropped for a newer message', async () => {
    const { client } = await virtualClient({ outbox: { maxMessages: 1, overflow: 'drop-oldest' } })
    const failed = failure(client.request({}))
    client.send('newer')
    expect(await failed).toEqual(failsWith('ERR_OUTBOX_FULL'))
  })

  it('gets an id that no other client uses', async () => {
    const ids = new Set<string>()
    for (let n = 0; n < 50; n++) {
      const { client, sockets, open } = await virtualClient({ random: Math.random })
      await open()
      client.request({}).catch(() => {})
      ids.add(idOf(sockets.last.messages[0]))
      client.close()
    }
    expect(ids.size).toBe(50)
  })
})
