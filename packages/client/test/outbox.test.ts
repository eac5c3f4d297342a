import { ClientError } from '@tideway/client'
import { describe, expect, it } from 'vitest'
import { virtualClient } from './virtual-client.ts'

describe('The outbox of the client', () => {
  it('sends queued messages in order once the connection opens, then emits drained once', async () => {
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

  it('sends a message on an open connection at once, without a drained event', async () => {
    const { client, sockets, open } = await virtualClient()
    await open()
    client.on('drained', () => expect.unreachable())
    expect(client.send('now').state).toBe('sent')
    expect(sockets.last.messages).toEqual(['now'])
  })

  it('refuses more than maxMessages messages and keeps the queued ones', async () => {
    const { client, sockets, open } = await virtualClient({ outbox: { maxMessages: 3 } })
    for (let n = 1; n <= 3; n++) client.send(n)
    expect(() => client.send(4)).toThrow(expect.objectContaining({ code: 'ERR_OUTBOX_FULL' }) as ClientError)
    await open()
    expect(sockets.last.messages).toEqual([1, 2, 3])
  })

  it('accepts exactly maxBytes bytes, counted in UTF-8', async () => {
    const { client } = await virtualClient({ outbox: { maxBytes: 10 } })
    client.send('ééé') // with its quotes 8 bytes
    client.send(12)
    expect(() => client.send(1)).toThrow(ClientError)
  })

  it('counts the bytes of binary messages', async () => {
    const { client } = await virtualClient({
      encode: (message) => message as ArrayBuffer | Blob,
      outbox: { maxBytes: 8 },
    })
    client.send(new ArrayBuffer(4))
    client.send(new Blob(['abcd']))
    expect(client.bufferedAmount).toBe(8)
    expect(() => client.send(new Uint8Array(1))).toThrow(ClientError)
  })

  it('drops the oldest messages with drop-oldest and settles each as dropped', async () => {
    const { client, sockets, open } = await virtualClient({ outbox: { maxMessages: 2, overflow: 'drop-oldest' } })
    const sent = [1, 2, 3, 4].map((n) => client.send(n))
    expect(sent.map(({ state }) => state)).toEqual(['dropped', 'dropped', 'queued', 'queued'])
    await open()
    expect(sockets.last.messages).toEqual([3, 4])
  })

  it('drops nothing with drop-oldest for a message above maxBytes', async () => {
    const { client } = await virtualClient({ outbox: { maxBytes: 10, overflow: 'drop-oldest' } })
    const kept = client.send(1)
    expect(() => client.send('far too long a message')).toThrow(ClientError)
    expect(kept.state).toBe('queued')
  })

  it('expires a message at maxAgeMs and does not send it later', async () => {
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

  it('queues nothing with outbox: false: send throws until the connection opens', async () => {
    const { client, open } = await virtualClient({ outbox: false })
    expect(() => client.send(1)).toThrow(ClientError)
    await open()
    expect(client.send(1).state).toBe('sent')
  })

  it('queues messages in order while the socket holds more than maxBufferedBytes', async () => {
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

  it('keeps a message for a closing socket until the next connection', async () => {
    const { client, sockets, open, pass } = await virtualClient()
    await open()
    sockets.last.readyState = 2
    const sent = client.send('kept')
    sockets.last.end()
    await pass(2_000)
    await open()
    expect([sent.state, sockets.last.messages]).toEqual(['sent', ['kept']])
  })

  it('settles queued messages as closed on close(), and send throws afterwards', async () => {
    const { client } = await virtualClient()
    const sent = client.send(1)
    client.close()
    await expect(sent.outcome).resolves.toBe('closed')
    expect(() => client.send(2)).toThrow(expect.objectContaining({ code: 'ERR_CLOSED' }) as ClientError)
  })
})
