import { StopConsumer } from 'tideway'
import { DenyConnection } from 'tideway/consumer'
import { WebSocketCommunicator } from 'tideway/testing'
import { describe, expect, it } from 'vitest'
import { applicationOf, Ending, Joining, type JoiningClass } from './ending.ts'

function connection(consumerClass: JoiningClass) {
  const ending = new Ending()
  const socket = new WebSocketCommunicator(applicationOf(consumerClass, ending), '/', { scope: ending.scope })
  return { ending, socket }
}

class ThrowsInConnect extends Joining {
  override async connect(): Promise<void> {
    await this.channelLayer.groupAdd('of-its-own', this.channelName)
    throw new RangeError('in connect')
  }
}

class ThrowsAfterAccept extends Joining {
  override async connect() {
    await super.connect()
    throw new RangeError('after accept')
  }
}

class ThrowsInReceive extends Joining {
  override async receive() {
    throw new RangeError('in receive')
  }
}

class ThrowsInHandler extends Joining {
  onGreeting(): never {
    throw new RangeError('in a handler')
  }
}

class ThrowsInDisconnect extends Joining {
  override async disconnect(code: number, reason: string) {
    await super.disconnect(code, reason)
    throw new RangeError('in disconnect')
  }
}

class Denies extends Joining {
  override async connect() {
    await this.channelLayer.groupAdd('of-its-own', this.channelName)
    await this.deny({ status: 401 })
  }
}

class ThrowsDeny extends Joining {
  override async connect() {
    await this.channelLayer.groupAdd('of-its-own', this.channelName)
    throw new DenyConnection()
  }
}

class Closes extends Joining {
  override receive() {
    return this.close(4000, 'enough')
  }
}

class Stops extends Joining {
  override receive(): never {
    throw new StopConsumer()
  }
}

interface Case {
  /** What ends the connection. */
  readonly when: string
  readonly class: JoiningClass
  /** What the client does once the connection is open or refused. @default it closes it */
  readonly act?: (socket: WebSocketCommunicator, ending: Ending) => unknown
  /** What `disconnect` is called with. */
  readonly end: readonly [code: number, reason: string]
  readonly thrown?: string
}

const cases: readonly Case[] = [
  { when: 'the client closes', class: Joining, act: (socket) => socket.disconnect(1001, 'bye'), end: [1001, 'bye'] },
  { when: 'the network is lost', class: Joining, act: (socket) => socket.disconnect(1006), end: [1006, ''] },
  { when: 'connect() throws', class: ThrowsInConnect, end: [1011, ''], thrown: 'in connect' },
  { when: 'connect() throws after accept()', class: ThrowsAfterAccept, end: [1011, ''], thrown: 'after accept' },
  {
    when: 'receive() throws',
    class: ThrowsInReceive,
    act: (socket) => socket.sendTo(''),
    end: [1011, ''],
    thrown: 'in receive',
  },
  {
    when: 'a handler throws',
    class: ThrowsInHandler,
    act: (_socket, { layer }) => layer.groupSend('of-its-own', { type: 'greeting' }),
    end: [1011, ''],
    thrown: 'in a handler',
  },
  { when: 'disconnect() throws', class: ThrowsInDisconnect, end: [1000, ''], thrown: 'in disconnect' },
  { when: 'the consumer denies', class: Denies, end: [1006, ''] },
  { when: 'the consumer throws DenyConnection', class: ThrowsDeny, end: [1006, ''] },
  { when: 'the consumer closes', class: Closes, act: (socket) => socket.sendTo(''), end: [4000, 'enough'] },
  { when: 'the consumer throws StopConsumer', class: Stops, act: (socket) => socket.sendTo(''), end: [1000, ''] },
]

describe('disconnect() of a consumer', () => {
  it.each(cases)(
    'runs once, before the consumer leaves every group, when $when',
    async ({ class: consumerClass, act, end: [code, reason], thrown }) => {
      const { ending, socket } = connection(consumerClass)
      await socket.connect().catch(() => {})
      await act?.(socket, ending)
      const problem = await socket
        .disconnect()
        .then(() => socket.wait())
        .catch((error: Error) => error.message)
      expect(problem).toBe(thrown)
      expect(ending.ends).toEqual([{ code, reason, groups: 2 }])
      expect(ending.layer.stats()).toMatchObject({ groups: 0, channels: 0 })
      // What it threw was thrown to the server, which reports it; nothing is reported twice.
      expect(ending.logger.errors).toEqual([])
    },
  )
})

describe('a consumer that fails', () => {
  it('closes with 1011 before disconnect() runs, so that the client does not wait for it', async () => {
    const order: string[] = []
    class Failing extends Joining {
      override receive(): never {
        throw new RangeError('no')
      }
      override async close(code?: number) {
        order.push(`close ${code}`)
        await super.close(code)
      }
      override disconnect() {
        order.push('disconnect')
      }
    }
    const { socket } = connection(Failing)
    await socket.connect()
    socket.sendTo('')
    await expect(socket.wait()).rejects.toThrow(RangeError)
    expect(order).toEqual(['close 1011', 'disconnect'])
  })

  it('handles no further events and messages', async () => {
    let handled = 0
    class Failing extends Joining {
      override async receive() {
        handled++
        await this.channelLayer.groupSend('of-its-own', { type: 'greeting' })
        throw new RangeError('no')
      }
      onGreeting() {
        handled++
      }
    }
    const { socket } = connection(Failing)
    await socket.connect()
    socket.sendTo('')
    socket.sendTo('')
    await expect(socket.wait()).rejects.toThrow(RangeError)
    expect(handled).toBe(1)
  })

  it('rejects with the first error, and logs the errors that follow from it', async () => {
    class Failing extends Joining {
      override receive(): never {
        throw new RangeError('first')
      }
      override close(): never {
        throw new RangeError('second')
      }
      override disconnect(): never {
        throw new RangeError('third')
      }
    }
    const { ending, socket } = connection(Failing)
    await socket.connect()
    socket.sendTo('')
    await expect(socket.wait()).rejects.toThrow('first')
    expect(ending.logger.errors).toEqual([new RangeError('second'), new RangeError('third')])
    expect(ending.layer.stats().groups).toBe(0)
  })

  it('fails also when a handler throws undefined', async () => {
    class Failing extends Joining {
      override receive(): never {
        // oxlint-disable-next-line typescript/only-throw-error -- the test covers exactly this.
        throw undefined
      }
    }
    const { socket } = connection(Failing)
    await socket.connect()
    socket.sendTo('')
    expect(await socket.receiveClose()).toMatchObject({ code: 1011 })
    await expect(socket.wait()).rejects.toBeUndefined()
  })

  it('fails when receive() of the server rejects', async () => {
    const ending = new Ending()
    const application = applicationOf(Joining, ending)
    const { scope } = new WebSocketCommunicator(application, '/', { scope: ending.scope })
    const receive = (): Promise<never> => Promise.reject(new Error('no server'))
    await expect(application(scope, receive, () => {})).rejects.toThrow('no server')
    expect(ending.ends).toEqual([{ code: 1011, reason: '', groups: 0 }])
  })
})
