import { ClientError } from '@tideway/client'
import { expect, test } from 'vitest'
import { virtualClient } from './virtual-client.ts'

test('messages sent while connecting are sent in order once the connection is open, then drained is told once', async () => {
  const { client, sockets, open } = await virtualClient()
  let drained = 0
  client.on('drained', () => drained++)
  const sent = [1, 2, 3].map((n) => client.send({ n }))
  expect(sent.map(({ state }) => state)).toEqual(['queued', 'queued', 'queued'])
  expect(client.bufferedAmount).toBe('{"n":1}'.length * 3)
  await open()
  expect(sockets.last.messages).toEqual([{ n: 1 }, { n: 2 }, { n: 3 }])
  await expect(Promise.all(sent.map(({ outcome }) => outcome))).resolves.toEqual(['sent', 'sent', 'sent'])
  expect([client.bufferedAmount, drained]).toEqual([0, 1])
})

test('a message on an open connection is sent at once, without a drained event', async () => {
  const { client, sockets, open } = await virtualClient()
  await open()
  client.on('drained', () => expect.unreachable())
  expect(client.send('now').state).toBe('sent')
  expect(sockets.last.messages).toEqual(['now'])
})

test('the count is bounded: one more than maxMessages is refused and what waits is kept', async () => {
  const { client, sockets, open } = await virtualClient({ outbox: { maxMessages: 3 } })
  for (let n = 1; n <= 3; n++) client.send(n)
  expect(() => client.send(4)).toThrow(expect.objectContaining({ code: 'ERR_OUTBOX_FULL' }) as ClientError)
  await open()
  expect(sockets.last.messages).toEqual([1, 2, 3])
})

test('the bytes are bounded, counted as UTF-8: exactly maxBytes fit', async () => {
  const { client } = await virtualClient({ outbox: { maxBytes: 10 } })
  client.send('ééé') // with its quotes 8 bytes
  client.send(12)
  expect(() => client.send(1)).toThrow(ClientError)
})

test('binary messages count with their bytes', async () => {
  const { client } = await virtualClient({
    encode: (message) => message as ArrayBuffer | Blob,
    outbox: { maxBytes: 8 },
  })
  client.send(new ArrayBuffer(4))
  client.send(new Blob(['abcd']))
  expect(client.bufferedAmount).toBe(8)
  expect(() => client.send(new Uint8Array(1))).toThrow(ClientError)
})

test('drop-oldest makes room by dropping from the front, and says so to each', async () => {
  const { client, sockets, open } = await virtualClient({ outbox: { maxMessages: 2, whenFull: 'drop-oldest' } })
  const sent = [1, 2, 3, 4].map((n) => client.send(n))
  expect(sent.map(({ state }) => state)).toEqual(['dropped', 'dropped', 'queued', 'queued'])
  await open()
  expect(sockets.last.messages).toEqual([3, 4])
})

test('drop-oldest drops nothing for a message that could never fit', async () => {
  const { client } = await virtualClient({ outbox: { maxBytes: 10, whenFull: 'drop-oldest' } })
  const kept = client.send(1)
  expect(() => client.send('far too long a message')).toThrow(ClientError)
  expect(kept.state).toBe('queued')
})

test('a message expires at maxAgeMs and is not sent afterwards', async () => {
  const { client, sockets, open, pass } = await virtualClient({ connectTimeoutMs: 1e6, outbox: { maxAgeMs: 60_000 } })
  const old = client.send('old')
  await pass(30_000)
  client.send('young')
  await pass(29_999)
  expect(old.state).toBe('queued')
  await pass(1)
  await expect(old.outcome).resolves.toBe('expired')
  await open()
  expect(sockets.last.messages).toEqual(['young'])
})

test('outbox: false keeps nothing: send throws until the connection is open', async () => {
  const { client, open } = await virtualClient({ outbox: false })
  expect(() => client.send(1)).toThrow(ClientError)
  await open()
  expect(client.send(1).state).toBe('sent')
})

test('while the socket holds more than maxBufferedBytes the rest waits here, in order', async () => {
  const { client, sockets, open, pass } = await virtualClient({ maxBufferedBytes: 100 })
  await open()
  sockets.last.bufferedAmount = 101
  const first = client.send(1)
  client.send(2)
  await pass(500)
  expect([first.state, sockets.last.sent.length]).toEqual(['queued', 0])
  sockets.last.bufferedAmount = 100
  await pass(50)
  expect(sockets.last.messages).toEqual([1, 2])
})

test('a message for a socket that is closing waits for the next connection', async () => {
  const { client, sockets, open, pass } = await virtualClient()
  await open()
  sockets.last.readyState = 2
  const sent = client.send('kept')
  sockets.last.end()
  await pass(2_000)
  await open()
  expect([sent.state, sockets.last.messages]).toEqual(['sent', ['kept']])
})

test('close() settles what waits as closed, and what is sent afterwards throws', async () => {
  const { client } = await virtualClient()
  const sent = client.send(1)
  client.close()
  await expect(sent.outcome).resolves.toBe('closed')
  expect(() => client.send(2)).toThrow(expect.objectContaining({ code: 'ERR_CLOSED' }) as ClientError)
})
