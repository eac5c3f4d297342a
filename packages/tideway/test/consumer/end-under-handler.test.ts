import { setTimeout as wait } from 'node:timers/promises'
import type { TextOrBytes } from 'tideway'
import { WebSocketCommunicator } from 'tideway/testing'
import { describe, expect, it } from 'vitest'
import { applicationOf, Ending, gate, Joining, type JoiningClass } from './ending.ts'

function connection(consumerClass: JoiningClass) {
  const ending = new Ending()
  const socket = new WebSocketCommunicator(applicationOf(consumerClass, ending), '/', { scope: ending.scope })
  return { ending, socket }
}

const never = new Promise<never>(() => {})

describe('this.signal', () => {
  it('aborts while a handler is running, as soon as the client disconnects', async () => {
    let aborted = 0
    class Waiting extends Joining {
      override async receive() {
        await new Promise<void>((resolve) => this.signal.addEventListener('abort', () => resolve()))
        aborted = this.ending.ends.length
        await this.channelLayer.groupSend('empty', { type: 'done' })
      }
    }
    const { ending, socket } = connection(Waiting)
    await socket.connect()
    socket.sendTo('')
    await socket.disconnect(1001)
    // The handler was done before disconnect() ran.
    expect(aborted).toBe(0)
    expect(ending.ends).toHaveLength(1)
  })

  it('aborts a waiting handler without an error report, and disconnect() gets the code of the client', async () => {
    class Waiting extends Joining {
      override async receive() {
        await wait(60_000, undefined, { signal: this.signal })
      }
      onPlain() {
        return new Promise<void>((_, reject) => {
          this.signal.addEventListener('abort', () => reject(this.signal.reason as Error))
        })
      }
      onAny() {
        const any = AbortSignal.any([this.signal, AbortSignal.timeout(60_000)])
        return new Promise<void>((_, reject) => {
          any.addEventListener('abort', () => reject(any.reason as Error))
        })
      }
    }
    for (const type of [undefined, 'plain', 'any']) {
      const { ending, socket } = connection(Waiting)
      await socket.connect()
      if (type === undefined) socket.sendTo('')
      else await ending.layer.groupSend('of-its-own', { type })
      await socket.disconnect(1001)
      await socket.wait()
      expect(ending.ends).toMatchObject([{ code: 1001 }])
      expect(ending.logger.lines).toEqual([])
    }
  })

  it('does not hide the abort of another signal', async () => {
    class Waiting extends Joining {
      override async receive() {
        const mine = AbortSignal.abort()
        await wait(1, undefined, { signal: mine })
      }
    }
    const { socket } = connection(Waiting)
    await socket.connect()
    socket.sendTo('')
    await expect(socket.wait()).rejects.toMatchObject({ name: 'AbortError' })
  })

  it('has aborted already at its first use after the end', async () => {
    const states: boolean[] = []
    class Late extends Joining {
      override receive() {
        states.push(this.signal.aborted)
      }
      override disconnect() {
        states.push(this.signal.aborted)
      }
    }
    const { socket } = connection(Late)
    await socket.connect()
    socket.sendTo('')
    await socket.disconnect()
    expect(states).toEqual([false, true])
  })
})

describe('a connection that ends while a handler runs', () => {
  it('reports no error of a handler that sends', async () => {
    const end = gate()
    class Sending extends Joining {
      override async receive() {
        await end.opened
        await this.send({ text: 'too late' })
      }
    }
    const { ending, socket } = connection(Sending)
    await socket.connect()
    socket.sendTo('')
    const ended = socket.disconnect(1001)
    end.open()
    await ended
    await socket.wait()
    expect(ending.ends).toMatchObject([{ code: 1001 }])
    expect(ending.logger.lines).toEqual([])
  })

  it('disconnects at the deadline if the handler is still running', async () => {
    class Stuck extends Joining {
      static override disconnectTimeoutMs = 5
      override receive() {
        return never
      }
    }
    const { ending, socket } = connection(Stuck)
    await socket.connect()
    socket.sendTo('')
    await expect(socket.disconnect(1001)).rejects.toMatchObject({
      code: 'ERR_APPLICATION_TIMEOUT',
      message:
        'A handler of Stuck was still running 5 ms after its connection had ended, and was abandoned: return when this.signal aborts.',
    })
    expect(ending.ends).toEqual([{ code: 1001, reason: '', groups: 2 }])
    expect(ending.layer.stats()).toMatchObject({ groups: 0, channels: 0 })
  })

  it('disconnects at the deadline, also with many queued messages', async () => {
    let aborted = false
    class Stuck extends Joining {
      static override disconnectTimeoutMs = 5
      override receive() {
        this.signal.addEventListener('abort', () => {
          aborted = true
        })
        return never
      }
    }
    const { ending, socket } = connection(Stuck)
    await socket.connect()
    for (let i = 0; i < 100; i++) socket.sendTo(String(i))
    expect(await socket.receiveNothing(0)).toBe(true)
    const ended = socket.disconnect(1001)
    expect(aborted).toBe(true)
    await expect(ended).rejects.toMatchObject({ code: 'ERR_APPLICATION_TIMEOUT' })
    expect(ending.ends).toEqual([{ code: 1001, reason: '', groups: 2 }])
    expect(ending.layer.stats()).toMatchObject({ groups: 0, channels: 0 })
  })

  it('disconnects after all queued messages if the handler ends in time', async () => {
    const end = gate()
    const received: string[] = []
    class Slow extends Joining {
      override async receive({ text }: TextOrBytes) {
        await end.opened
        received.push(text!)
      }
    }
    const { ending, socket } = connection(Slow)
    await socket.connect()
    const texts = Array.from({ length: 100 }, (_, i) => String(i))
    for (const text of texts) socket.sendTo(text)
    expect(await socket.receiveNothing(0)).toBe(true)
    const ended = socket.disconnect(1001)
    end.open()
    await ended
    await socket.wait()
    expect(received).toEqual(texts)
    expect(ending.ends).toMatchObject([{ code: 1001 }])
  })

  it('disconnects at the deadline if connect() is still running', async () => {
    class Stuck extends Joining {
      static override disconnectTimeoutMs = 5
      override connect() {
        return never
      }
    }
    const { ending, socket } = connection(Stuck)
    await expect(socket.connect(5)).rejects.toMatchObject({ code: 'ERR_TEST_TIMEOUT' })
    await expect(socket.disconnect(1006)).rejects.toMatchObject({ code: 'ERR_APPLICATION_TIMEOUT' })
    expect(ending.ends).toEqual([{ code: 1006, reason: '', groups: 1 }])
    expect(ending.layer.stats().groups).toBe(0)
  })

  it('leaves its groups at the deadline if disconnect() is still running', async () => {
    class Stuck extends Joining {
      static override disconnectTimeoutMs = 5
      override async disconnect(code: number, reason: string) {
        await super.disconnect(code, reason)
        await never
      }
    }
    const { ending, socket } = connection(Stuck)
    await socket.connect()
    await expect(socket.disconnect()).rejects.toMatchObject({
      code: 'ERR_APPLICATION_TIMEOUT',
      message: 'disconnect() of Stuck took more than 5 ms and was abandoned.',
    })
    expect(ending.ends).toHaveLength(1)
    expect(ending.layer.stats()).toMatchObject({ groups: 0, channels: 0 })
  })

  it('joins no group from a handler that was abandoned, since nothing would remove the channel', async () => {
    const end = gate()
    let hasReturned = false
    class Stuck extends Joining {
      static override disconnectTimeoutMs = 5
      override async receive() {
        await end.opened
        await this.channelLayer.groupAdd('too-late', this.channelName)
        hasReturned = true
      }
    }
    const { ending, socket } = connection(Stuck)
    await socket.connect()
    socket.sendTo('')
    await expect(socket.disconnect()).rejects.toMatchObject({ code: 'ERR_APPLICATION_TIMEOUT' })
    end.open()
    await expect.poll(() => hasReturned).toBe(true)
    expect(ending.layer.stats()).toMatchObject({ groups: 0, channels: 0 })
    expect(ending.logger.lines).toEqual([])
  })

  it('reports the error of a handler that was abandoned', async () => {
    let fail!: (error: Error) => void
    class Stuck extends Joining {
      static override disconnectTimeoutMs = 5
      override receive() {
        return new Promise<void>((_, reject) => {
          fail = reject
        })
      }
    }
    const { ending, socket } = connection(Stuck)
    await socket.connect()
    socket.sendTo('')
    await expect(socket.disconnect()).rejects.toMatchObject({ code: 'ERR_APPLICATION_TIMEOUT' })
    fail(new RangeError('late'))
    await expect.poll(() => ending.logger.errors).toEqual([new RangeError('late')])
    expect(ending.logger.messages('error')).toEqual(['Stuck threw after its connection had ended'])
  })

  it('lets disconnect() leave a group that was never joined, without a channel', async () => {
    class Discarding extends Joining {
      override readonly groups = []
      override async connect() {
        await this.accept()
      }
      override async disconnect() {
        await this.channelLayer.groupDiscard('of-its-own', this.channelName)
      }
    }
    const { ending, socket } = connection(Discarding)
    await socket.connect()
    await socket.disconnect()
    expect(ending.layer.stats()).toMatchObject({ groups: 0, channels: 0 })
  })
})
