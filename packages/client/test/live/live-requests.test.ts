import { RequestFailedError } from '@tideway/client/live'
import { describe, expect, it } from 'vitest'
import type { FakeWebSocket } from '../fake-web-socket.ts'
import { virtualLive } from './virtual-live.ts'

interface RequestFrame {
  readonly t: string
  readonly id?: string
  readonly m?: string
  readonly d?: unknown
}

const requestsOf = (socket: FakeWebSocket): RequestFrame[] =>
  (socket.messages as RequestFrame[]).filter(({ t }) => t === 'request')

const code = (expected: string): unknown => expect.objectContaining({ code: expected })

describe('A live request', () => {
  it('resolves with the result of its answer, also if answers come in another order', async () => {
    const { client, greet } = await virtualLive()
    const socket = await greet()
    const first = client.request('say', { n: 1 })
    const second = client.request('say', { n: 2 })
    expect(requestsOf(socket)).toEqual([
      { t: 'request', id: first.id, m: 'say', d: { n: 1 } },
      { t: 'request', id: second.id, m: 'say', d: { n: 2 } },
    ])
    socket.receive({ t: 'answer', id: second.id, ok: 'two' })
    socket.receive({ t: 'answer', id: first.id })
    await expect(Promise.all([first, second])).resolves.toEqual([undefined, 'two'])
  })

  it('rejects with the code and the message of the server', async () => {
    const { client, greet } = await virtualLive()
    const socket = await greet()
    const request = client.request('say', {})
    const error = { code: 'bad_input', message: 'text is missing' }
    socket.receive({ t: 'answer', id: request.id, error })
    const reason = await request.catch((caught: unknown) => caught)
    expect(reason).toBeInstanceOf(RequestFailedError)
    expect(reason).toMatchObject({
      code: 'ERR_REQUEST_FAILED',
      serverCode: 'bad_input',
      message: 'text is missing',
      cause: { id: request.id, error },
    })
  })

  it.each(['unavailable', 'rate_limited'])(
    'is sent again after %s, in its order, and then resolves',
    async (serverCode) => {
      const { client, greet, pass } = await virtualLive()
      const socket = await greet()
      const first = client.request('say', 1)
      const second = client.request('say', 2)
      for (const { id } of [first, second])
        socket.receive({ t: 'answer', id, error: { code: serverCode, message: '' } })
      const third = client.request('say', 3)
      expect(requestsOf(socket)).toHaveLength(2)
      await pass(20_000)
      expect(
        requestsOf(socket)
          .slice(2)
          .map(({ id }) => id),
      ).toEqual([first.id, second.id, third.id])
      for (const { id } of [first, second, third]) socket.receive({ t: 'answer', id, ok: id })
      await expect(Promise.all([first, second, third])).resolves.toEqual([first.id, second.id, third.id])
    },
  )

  it('rejects with the last temporary error at its time limit', async () => {
    const { client, greet, pass } = await virtualLive()
    const socket = await greet()
    const request = client.request('say', 1, { timeoutMs: 1_000 })
    const reason = request.catch((caught: unknown) => caught)
    socket.receive({ t: 'answer', id: request.id, error: { code: 'unavailable', message: 'No Redis.' } })
    await pass(1_000)
    expect(await reason).toMatchObject({ code: 'ERR_REQUEST_FAILED', serverCode: 'unavailable', message: 'No Redis.' })
  })

  it('waits for a connection and follows hello', async () => {
    const { client, greet } = await virtualLive()
    client.request('say', 1).catch(() => {})
    expect((await greet()).messages.map((frame) => (frame as RequestFrame).t)).toEqual(['hello', 'request'])
  })

  it('follows a join and a leave of the same task', async () => {
    const { client, greet } = await virtualLive()
    const socket = await greet()
    const group = client.join('room', 'lobby')
    client.request('say', 1).catch(() => {})
    group.leave()
    client.send('say', 2)
    expect(socket.messages.map((frame) => (frame as RequestFrame).t)).toEqual([
      'hello',
      'join',
      'request',
      'leave',
      'request',
    ])
  })

  it('is repeated with its id and in order on the next connection until it is answered', async () => {
    const { client, greet, reconnect } = await virtualLive()
    const socket = await greet()
    const requests = [1, 2, 3].map((n) => client.request('say', n))
    socket.receive({ t: 'answer', id: requests[1]?.id, ok: 2 })
    socket.end()
    const late = client.request('say', 4)
    const again = await reconnect()
    const waiting = [requests[0], requests[2], late]
    expect(requestsOf(again).map(({ id, d }) => [id, d])).toEqual([1, 3, 4].map((n, at) => [waiting[at]?.id, n]))
    for (const [at, request] of waiting.entries()) again.receive({ t: 'answer', id: request?.id, ok: at })
    await expect(Promise.all([...requests, late])).resolves.toEqual([0, 2, 1, 2])
    expect(requestsOf(await reconnect())).toEqual([])
  })

  it('is not repeated after a close code that is about the message', async () => {
    const { client, greet, sockets } = await virtualLive()
    await greet()
    const request = client.request('say', 'too large')
    sockets.last.end(1009)
    await expect(request).rejects.toEqual(code('ERR_CONNECTION_LOST'))
  })

  it('rejects after its timeout, which includes the wait for a connection, and is not sent later', async () => {
    const { client, greet, pass } = await virtualLive({ connectTimeoutMs: 1e6 })
    const request = client.request('say', 1, { timeoutMs: 5_000 })
    const reason = request.catch((caught: unknown) => caught)
    await pass(5_000)
    await expect(reason).resolves.toEqual(code('ERR_REQUEST_TIMEOUT'))
    expect(requestsOf(await greet())).toEqual([])
  })

  it('rejects with the reason of its signal, before and after it was sent', async () => {
    const { client, greet } = await virtualLive()
    const socket = await greet()
    await expect(client.request('say', 1, { signal: AbortSignal.abort('early') })).rejects.toBe('early')
    const abort = new AbortController()
    const request = client.request('say', 2, { signal: abort.signal })
    abort.abort('late')
    await expect(request).rejects.toBe('late')
    expect(requestsOf(socket).map(({ d }) => d)).toEqual([2])
  })

  it('has the id of the options, of 1 to 64 characters, which no other request has at that time', async () => {
    const { client, greet } = await virtualLive()
    const socket = await greet()
    const id = 'x'.repeat(64)
    const request = client.request('say', 1, { id })
    for (const wrong of [id, '', `${id}x`])
      await expect(client.request('say', 1, { id: wrong })).rejects.toEqual(code('ERR_BAD_OPTION'))
    socket.receive({ t: 'answer', id, ok: 'done' })
    await expect(request).resolves.toBe('done')
  })

  it('rejects beyond maxPendingRequests', async () => {
    const { client } = await virtualLive({ maxPendingRequests: 2 })
    const kept = [client.request('say', 1), client.request('say', 2)]
    await expect(client.request('say', 3)).rejects.toEqual(code('ERR_OUTBOX_FULL'))
    client.close()
    for (const request of kept) await expect(request).rejects.toEqual(code('ERR_CLOSED'))
    await expect(client.request('say', 4)).rejects.toEqual(code('ERR_CLOSED'))
  })

  it('rejects an input that JSON cannot represent', async () => {
    const { client } = await virtualLive()
    await expect(client.request('say', 1n)).rejects.toEqual(code('ERR_BAD_MESSAGE'))
  })

  it('waits while the connection has the maximum of unanswered requests that hi names', async () => {
    const { client, greet } = await virtualLive()
    const socket = await greet({ requests: 2 })
    const requests = [1, 2, 3, 4].map((n) => client.request('say', n))
    for (const request of requests) request.catch(() => {})
    expect(requestsOf(socket).map(({ d }) => d)).toEqual([1, 2])
    socket.receive({ t: 'answer', id: requests[1]?.id })
    expect(requestsOf(socket).map(({ d }) => d)).toEqual([1, 2, 3])
  })

  it('waits in order while the socket has more than maxBufferedBytes', async () => {
    const { client, greet, pass } = await virtualLive({ maxBufferedBytes: 100 })
    const socket = await greet()
    socket.bufferedAmount = 101
    const requests = [1, 2, 3].map((n) => client.request('say', n))
    for (const request of requests) request.catch(() => {})
    expect(requestsOf(socket)).toEqual([])
    socket.bufferedAmount = 0
    await pass(100)
    expect(requestsOf(socket).map(({ d }) => d)).toEqual([1, 2, 3])
  })
})

describe('send of a live client', () => {
  it('sends a request without an id on an open connection', async () => {
    const { client, greet } = await virtualLive()
    const socket = await greet()
    expect(client.send('typing', { on: true })).toBe(true)
    expect(requestsOf(socket)).toEqual([{ t: 'request', m: 'typing', d: { on: true } }])
  })

  it('drops the request without a connection, and with a full socket', async () => {
    const { client, greet, pass, reconnect } = await virtualLive({ maxBufferedBytes: 100 })
    expect(client.send('typing', 1)).toBe(false)
    const socket = await greet()
    socket.bufferedAmount = 101
    expect(client.send('typing', 2)).toBe(false)
    await pass(1_000)
    expect(requestsOf(socket)).toEqual([])
    expect(requestsOf(await reconnect())).toEqual([])
  })

  it('throws ERR_CLOSED after close', async () => {
    const { client } = await virtualLive()
    client.close()
    expect(() => client.send('typing', 1)).toThrow(code('ERR_CLOSED'))
  })
})
