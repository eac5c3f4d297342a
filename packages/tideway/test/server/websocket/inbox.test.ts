import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { describe, expect, it } from 'vitest'
import type { WebSocketReceiveEvent } from '../../../src/asgi/websocket-events.ts'
import type { WebSocketOptions } from '../../../src/server/websocket/websocket-options.ts'
import { Inbox } from '../../../src/server/websocket/inbox.ts'
import { accepting } from '../applications.ts'
import { clientFrame } from '../frames.ts'
import { RawClient } from '../raw-client.ts'
import { eventually, serving, type ServerUnderTest } from '../serving.ts'

function textEvent(text: string): WebSocketReceiveEvent {
  return { type: 'websocket.receive', text }
}

describe('Inbox', () => {
  it('returns the events in their order', () => {
    const inbox = new Inbox(textEvent('a'))
    inbox.push(textEvent('b'))
    expect([inbox.shift(), inbox.isEmpty]).toEqual([textEvent('a'), false])
    expect([inbox.shift(), inbox.isEmpty]).toEqual([textEvent('b'), true])
  })

  it('is full at its limit of messages, and not before', () => {
    const inbox = new Inbox(textEvent('a'))
    expect(inbox.isFull(2, 100)).toBe(false)
    inbox.push(textEvent(''))
    expect(inbox.isFull(2, 100)).toBe(true)
    inbox.shift()
    expect(inbox.isFull(2, 100)).toBe(false)
  })

  it('is full at its limit of bytes, and not before', () => {
    const inbox = new Inbox({ type: 'websocket.receive', bytes: new Uint8Array(3) })
    expect([inbox.isFull(100, 4), inbox.bufferedBytes]).toEqual([false, 3])
    inbox.push(textEvent('a'))
    expect([inbox.isFull(100, 4), inbox.bufferedBytes]).toEqual([true, 4])
    inbox.shift()
    expect(inbox.isFull(100, 4)).toBe(false)
  })

  it('releases received messages, even if it is never empty', () => {
    setFlagsFromString('--expose-gc')
    const gc = runInNewContext('gc') as () => void
    const inbox = new Inbox(textEvent('first'))
    const taken: WeakRef<WebSocketReceiveEvent>[] = []
    for (let i = 0; i < 10_000; i++) {
      inbox.push(textEvent(String(i)))
      taken.push(new WeakRef(inbox.shift()))
    }
    return new Promise((resolve) => setImmediate(resolve)).then(() => {
      gc()
      expect(taken.filter((reference) => reference.deref() !== undefined).length).toBeLessThan(100)
      expect(inbox.isEmpty).toBe(false)
    })
  })
})

interface SlowApplication {
  readonly client: RawClient
  readonly server: ServerUnderTest
  readonly taken: string[]
  readonly release: () => void
}

describe('a client that sends faster than the application receives', () => {
  /** An application that takes nothing until it is told to, and then one message at a time. */
  async function slow(options: WebSocketOptions): Promise<SlowApplication> {
    const taken: string[] = []
    let release!: () => void
    const held = new Promise<void>((resolve) => {
      release = resolve
    })
    const websocket = accepting(async ({ receive, send }) => {
      await send({ type: 'websocket.send', text: 'accepted' })
      await held
      for (;;) {
        const event = await receive()
        taken.push(event.type === 'websocket.receive' ? event.text! : `disconnect ${(event as { code: number }).code}`)
        if (event.type === 'websocket.disconnect') return
        // A turn of the event loop for each message, so that reading is stopped and begun again each time.
        await new Promise((resolve) => setImmediate(resolve))
      }
    })
    const server = await serving({ websocket }, options)
    const client = await RawClient.open(server.port)
    expect(await client.frame()).toBe('text accepted')
    return { client, server, taken, release }
  }

  it.each([1, 2, 3, 16])('loses nothing and keeps the order with an inbox of %i', async (maxInboxMessages) => {
    const { client, taken, release } = await slow({ maxInboxMessages })
    const texts = Array.from({ length: 300 }, (_, i) => String(i))
    // One write each, of one to three messages: the bound is reached in the middle and at the end of chunks.
    for (let i = 0; i < texts.length; i += 1 + (i % 3)) {
      const frames = texts.slice(i, i + 1 + (i % 3)).map((text) => clientFrame('text', text))
      await new Promise((resolve) => client.socket.write(Buffer.concat(frames), resolve))
    }
    release()
    client.hex('8882 00000000 03e8')
    await client.over()
    await eventually(() => taken.at(-1)).toBe('disconnect 1000')
    expect(taken.slice(0, -1)).toEqual(texts)
  })

  it('loses nothing when the bound is reached at the very end of a chunk, chunk after chunk', async () => {
    const { client, taken, release } = await slow({ maxInboxMessages: 1 })
    release()
    for (let i = 0; i < 100; i++) {
      // Two messages: the first fills the inbox in the middle of the chunk, the second at its end.
      const frames = [clientFrame('text', `${i}a`), clientFrame('text', `${i}b`)]
      await new Promise((resolve) => client.socket.write(Buffer.concat(frames), resolve))
      if (i % 7 === 0) await new Promise((resolve) => setImmediate(resolve))
    }
    client.hex('8882 00000000 03e8')
    await client.over()
    await eventually(() => taken.length).toBe(201)
    expect(taken.slice(0, 200)).toEqual(Array.from({ length: 200 }, (_, i) => `${i >> 1}${i % 2 === 0 ? 'a' : 'b'}`))
  })

  it('is not read while the inbox is full: its bytes stay in the kernel', async () => {
    const { client, server, release, taken } = await slow({ maxInboxBytes: 1024 })
    const frame = clientFrame('text', '*'.repeat(64 * 1024))
    // Far more than the buffers of the kernel on both sides take.
    const count = 400
    let written = 0
    for (let i = 0; i < count; i++) client.socket.write(frame, () => written++)
    // The server has all the time that it needs to read what it should not.
    const other = await RawClient.open(server.port)
    for (let i = 0; i < 100; i++) {
      other.hex('8980 00000000')
      await other.frame()
    }
    expect(written).toBeLessThan(count)
    release()
    await eventually(() => taken.length).toBe(count)
    client.socket.destroy()
  })
})
