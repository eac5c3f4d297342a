import { once } from 'node:events'
import type { Socket } from 'node:net'
import { defineApplication, StopConsumer, WebSocketConsumer } from 'tideway'
import { originValidator } from 'tideway/security'
import { liveServer, type LiveServer } from 'tideway/testing'
import { afterEach, describe, expect, it } from 'vitest'
import { WebSocket } from 'ws'
import { Ending, gate, Joining, type JoiningClass } from './ending.ts'

// The same as in lifecycle.test.ts, with what only a real server and a real network can do.
describe('a consumer on a real server', () => {
  let server: LiveServer

  afterEach(() => server.close())

  async function open(consumerClass: JoiningClass, options: Parameters<typeof liveServer>[1] = {}) {
    const ending = new Ending()
    const application = defineApplication({
      channelLayers: { default: ending.layer },
      websocket: originValidator((consumerClass as typeof Joining).asApplication(ending), ['*']),
    })
    server = await liveServer(application, { logger: ending.logger, ...options })
    const client = new WebSocket(server.webSocketUrl)
    await once(client, 'open')
    return { ending, client }
  }

  async function closeOf(client: WebSocket): Promise<readonly [number, string]> {
    const [code, reason] = (await once(client, 'close')) as [number, Buffer]
    return [code, reason.toString()]
  }

  /** The one call of disconnect, and that the connection left nothing. */
  async function onlyEnd(ending: Ending): Promise<readonly [number, string]> {
    await expect.poll(() => ending.layer.stats()).toMatchObject({ groups: 0, channels: 0 })
    await expect.poll(() => server.connectionCount).toBe(0)
    expect(ending.ends).toHaveLength(1)
    const [{ code, reason, groups }] = ending.ends as [Ending['ends'][0]]
    expect(groups).toBe(2)
    return [code, reason]
  }

  describe('the end of a connection', () => {
    it('calls disconnect() once and leaves every group when the client closes', async () => {
      const { ending, client } = await open(Joining)
      client.close(4001, 'going')
      expect(await onlyEnd(ending)).toEqual([4001, 'going'])
    })

    it('calls disconnect() once and leaves every group when the client closes without a code', async () => {
      const { ending, client } = await open(Joining)
      client.close()
      expect(await onlyEnd(ending)).toEqual([1005, ''])
    })

    it('calls disconnect() once and leaves every group when the connection is cut without a close frame', async () => {
      const { ending, client } = await open(Joining)
      client.terminate()
      expect(await onlyEnd(ending)).toEqual([1006, ''])
    })

    it('calls disconnect() once and leaves every group when the connection is reset in the middle of a frame', async () => {
      const { ending, client } = await open(Joining)
      const { _socket: socket } = client as unknown as { _socket: Socket }
      await new Promise((resolve) => socket.write(Buffer.from([0x81, 0xfe, 0x04]), resolve))
      socket.resetAndDestroy()
      expect(await onlyEnd(ending)).toEqual([1006, ''])
    })

    it('calls disconnect() once and leaves every group when the client breaks the protocol', async () => {
      const { ending, client } = await open(Joining)
      const { _socket: socket } = client as unknown as { _socket: Socket }
      socket.write(Buffer.from([0x83, 0x80, 0, 0, 0, 0]))
      expect((await onlyEnd(ending))[0]).toBe(1002)
    })

    it('calls disconnect() once and leaves every group when a message of the client is too large', async () => {
      const { ending, client } = await open(Joining, { maxMessageBytes: 8 })
      client.on('error', () => {})
      client.send('123456789')
      expect((await closeOf(client))[0]).toBe(1009)
      expect((await onlyEnd(ending))[0]).toBe(1009)
    })

    it('calls disconnect() once and leaves every group when a handler throws: the client gets 1011, and one error is reported', async () => {
      class Failing extends Joining {
        override receive(): never {
          throw new RangeError('no')
        }
      }
      const { ending, client } = await open(Failing)
      client.send('')
      expect(await closeOf(client)).toEqual([1011, ''])
      expect(await onlyEnd(ending)).toEqual([1011, ''])
      expect(ending.logger.errors).toEqual([new RangeError('no')])
    })

    it('leaves every group when disconnect() itself throws: one error is reported', async () => {
      class Failing extends Joining {
        override async disconnect(code: number, reason: string) {
          await super.disconnect(code, reason)
          throw new RangeError('no')
        }
      }
      const { ending, client } = await open(Failing)
      client.close(1000)
      expect(await onlyEnd(ending)).toEqual([1000, ''])
      expect(ending.logger.errors).toEqual([new RangeError('no')])
    })

    it('calls disconnect() once and leaves every group when the consumer stops: the client gets 1000, and no error is reported', async () => {
      class Stopping extends Joining {
        override receive(): never {
          throw new StopConsumer()
        }
      }
      const { ending, client } = await open(Stopping)
      client.send('')
      expect(await closeOf(client)).toEqual([1000, ''])
      expect(await onlyEnd(ending)).toEqual([1000, ''])
      expect(ending.logger.complaints).toEqual([])
    })

    it('calls disconnect() once and leaves every group when the consumer closes: both sides get its code and reason', async () => {
      class Closing extends Joining {
        override receive() {
          return this.close(4007, 'test reason')
        }
      }
      const { ending, client } = await open(Closing)
      client.send('')
      expect(await closeOf(client)).toEqual([4007, 'test reason'])
      expect(await onlyEnd(ending)).toEqual([4007, 'test reason'])
    })

    it('calls disconnect() once and leaves every group when the server closes: the client gets 1012', async () => {
      const { ending, client } = await open(Joining)
      const closed = closeOf(client)
      await server.close()
      expect((await closed)[0]).toBe(1012)
      expect((await onlyEnd(ending))[0]).toBe(1012)
    })

    it('calls disconnect() once and leaves every group at the deadline of a handler that does not end, which is reported', async () => {
      class Stuck extends Joining {
        static override disconnectTimeoutMs = 5
        override receive() {
          return new Promise<void>(() => {})
        }
      }
      const { ending, client } = await open(Stuck)
      client.send('')
      client.close(1000)
      expect(await onlyEnd(ending)).toEqual([1000, ''])
      expect(ending.logger.errors).toMatchObject([{ code: 'ERR_APPLICATION_TIMEOUT' }])
    })
  })

  it('aborts the signal at once, also with many queued messages', async () => {
    const running = gate()
    const aborted = gate()
    class Waiting extends Joining {
      static override disconnectTimeoutMs = 5
      override receive() {
        this.signal.addEventListener('abort', () => aborted.open())
        running.open()
        return new Promise<void>(() => {})
      }
    }
    // The handler has one, 16 are read ahead, two of those behind are as many as the server keeps.
    const { ending, client } = await open(Waiting, { maxInboxMessages: 2 })
    const { _socket: socket } = client as unknown as { _socket: Socket }
    socket.cork()
    for (let i = 0; i < 30; i++) client.send(String(i))
    socket.uncork()
    await running.opened
    await server.close(5_000)
    await aborted.opened
    expect(await onlyEnd(ending)).toEqual([1012, 'server restart, spread=5000'])
  })

  it('aborts the signal of a running handler when the connection is cut, and reports nothing', async () => {
    const running = gate()
    class Waiting extends Joining {
      override async receive() {
        running.open()
        await new Promise((_, reject) => {
          this.signal.addEventListener('abort', () => reject(this.signal.reason as Error))
        })
      }
    }
    const { ending, client } = await open(Waiting)
    client.send('')
    await running.opened
    client.terminate()
    expect(await onlyEnd(ending)).toEqual([1006, ''])
    expect(ending.logger.complaints).toEqual([])
  })

  it('reports nothing when a handler sends to a client that has just disconnected', async () => {
    const [running, gone] = [gate(), gate()]
    class Sending extends Joining {
      override async receive() {
        running.open()
        await gone.opened
        while (!this.signal.aborted) {
          await this.send({ text: 'x'.repeat(1000) })
          await new Promise((resolve) => setImmediate(resolve))
        }
      }
    }
    const { ending, client } = await open(Sending)
    client.send('')
    await running.opened
    client.terminate()
    gone.open()
    expect(await onlyEnd(ending)).toEqual([1006, ''])
    expect(ending.logger.complaints).toEqual([])
  })

  it('answers 500 and disconnects when the consumer throws before it has accepted', async () => {
    const ending = new Ending()
    class Failing extends Joining {
      override connect(): never {
        throw new RangeError('no')
      }
    }
    server = await liveServer(
      defineApplication({
        channelLayers: { default: ending.layer },
        websocket: originValidator((Failing as typeof Joining).asApplication(ending), ['*']),
      }),
      { logger: ending.logger },
    )
    const client = new WebSocket(server.webSocketUrl)
    const [, response] = (await once(client, 'unexpected-response')) as [unknown, { statusCode: number }]
    expect(response.statusCode).toBe(500)
    client.once('error', () => {}).terminate()
    await expect.poll(() => ending.ends).toMatchObject([{ code: 1011 }])
    expect(ending.logger.errors).toEqual([new RangeError('no')])
  })

  it('disconnects when the client disconnects before the consumer has accepted', async () => {
    const ending = new Ending()
    const connecting = gate()
    class Waiting extends WebSocketConsumer<{}, {}> {
      override connect() {
        connecting.open()
      }
      override disconnect(code: number, reason: string) {
        ending.ends.push({ code, reason, groups: 0 })
      }
    }
    server = await liveServer(defineApplication({ websocket: originValidator(Waiting.asApplication(), ['*']) }))
    const client = new WebSocket(server.webSocketUrl)
    client.on('error', () => {})
    await connecting.opened
    client.terminate()
    await expect.poll(() => ending.ends).toMatchObject([{ code: 1006 }])
    await expect.poll(() => server.connectionCount).toBe(0)
  })
})
