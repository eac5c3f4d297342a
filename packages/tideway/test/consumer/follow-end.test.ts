import type { TidewayError } from 'tideway'
import type { EventInfo, FollowAnswer } from 'tideway/consumer'
import { describe, expect, it } from 'vitest'
import { patiently } from '../../../../test/setup/patiently.ts'
import { gate } from './ending.ts'
import { Kept, Reader, settled, texts } from './following.ts'

/** Kept groups whose log is read only when the gate opens. */
function keptWithSlowReads() {
  const kept = new Kept()
  const read = gate()
  const { keptGroups } = kept.layer
  const follow = keptGroups.follow.bind(keptGroups)
  let calls = 0
  keptGroups.follow = async (...args) => {
    calls++
    await read.opened
    return follow(...args)
  }
  return { kept, read, calls: () => calls }
}

/** Follows and unfollows as the client asks, without waiting. */
class Eager extends Reader {
  static results: unknown[] = []
  override async receive({ text }: { readonly text?: string | undefined }): Promise<void> {
    if (text === 'unfollow') this.unfollow('g')
    else
      void this.follow('g', { last: Number(text) }).then(
        (answer) => Eager.results.push(answer),
        (error: TidewayError) => Eager.results.push(error.code),
      )
  }
}

describe('following a group', () => {
  it('ends with the connection', async () => {
    const kept = new Kept()
    const client = await kept.connect(Reader.asApplication())
    await client.sendTo('{}')
    await client.receiveFrom()
    expect(kept.followers).toBe(1)
    await client.disconnect()
    expect(kept.followers).toBe(0)
  })

  it('ends with the error of a handler, after which no event is handled', async () => {
    const kept = new Kept()
    const got: unknown[] = []
    class Failing extends Reader {
      override onSaid(data: unknown) {
        got.push(data)
        if (data === 2) throw new Error('as expected')
      }
    }
    const client = await kept.connect(Failing.asApplication())
    await client.sendTo('{}')
    await client.receiveFrom()
    await kept.say(1, 2, 3)
    await settled()
    await expect(client.disconnect()).rejects.toThrow('as expected')
    await kept.say(4)
    expect([got, kept.followers]).toEqual([[1, 2], 0])
  })

  it('ends if the connection closes while the consumer is busy and events wait', async () => {
    const kept = new Kept()
    const slow = gate()
    const got: unknown[] = []
    class Slow extends Reader {
      override async onSaid(data: unknown) {
        got.push(data)
        await slow.opened
      }
    }
    const client = await kept.connect(Slow.asApplication())
    await client.sendTo('{}')
    await client.receiveFrom()
    await kept.say(1, 2, 3, 4, 5)
    await settled()
    const ended = client.disconnect()
    await settled()
    slow.open()
    await ended
    // The second one was queued before the end of the connection.
    expect([got, kept.followers]).toEqual([[1, 2], 0])
  })

  it('leaves no cursor if the connection ends while follow() waits, which then rejects', async () => {
    const { kept, read, calls } = keptWithSlowReads()
    Eager.results = []
    const client = await kept.connect(Eager.asApplication())
    await client.sendTo('0')
    await patiently(() => expect(calls()).toBe(1))
    await client.disconnect()
    read.open()
    await settled()
    await kept.say(1)
    expect([Eager.results, kept.followers]).toEqual([['ERR_CONNECTION_CLOSED'], 0])
  })

  it('rejects without a report in a handler whose connection has ended', async () => {
    const { kept, read, calls } = keptWithSlowReads()
    class Late extends Reader {
      override async disconnect() {
        await this.follow('g')
      }
    }
    const client = await kept.connect(Late.asApplication())
    await client.disconnect()
    read.open()
    expect([calls(), kept.followers, kept.logger.complaints]).toEqual([0, 0, []])
  })

  it('delivers once if the group is left and joined again while the first join opens', async () => {
    const { kept, read, calls } = keptWithSlowReads()
    await kept.say(1, 2)
    Eager.results = []
    const client = await kept.connect(Eager.asApplication())
    for (const text of ['2', 'unfollow', '1']) await client.sendTo(text)
    await patiently(() => expect(calls()).toBe(2))
    read.open()
    await settled()
    await kept.say(3)
    expect(await texts(client, 2)).toEqual(['2 at 2', '3 at 3'])
    expect(await client.receiveNothing()).toBe(true)
    expect(Eager.results.map((answer) => (answer as FollowAnswer).position.split(':')[1])).toEqual(['0', '1'])
    expect(kept.followers).toBe(1)
  })

  it('ends with unfollow(), also for a join that opens', async () => {
    const { kept, read, calls } = keptWithSlowReads()
    await kept.say(1)
    const client = await kept.connect(Eager.asApplication())
    for (const text of ['1', 'unfollow']) await client.sendTo(text)
    await patiently(() => expect(calls()).toBe(1))
    read.open()
    await settled()
    await client.sendTo('1')
    expect(await client.receiveFrom()).toBe('1 at 1')
    await client.sendTo('unfollow')
    await settled()
    await kept.say(2)
    expect(await client.receiveNothing()).toBe(true)
    expect(kept.followers).toBe(0)
  })

  it('is replaced by following the group again, and stays as it is if that fails', async () => {
    const kept = new Kept()
    class Twice extends Reader {
      override onSaid(data: unknown, at: EventInfo) {
        return super.onSaid(data, at)
      }
    }
    const client = await kept.connect(Twice.asApplication())
    await client.sendTo('{}')
    await client.receiveFrom()
    await kept.say(1)
    expect(await client.receiveFrom()).toBe('1 at 1')
    await client.sendTo('{"last":-1}')
    expect(await client.receiveFrom()).toBe('ERR_BAD_OPTION')
    await kept.say(2)
    expect(await client.receiveFrom()).toBe('2 at 2')
    await client.sendTo('{"last":1}')
    await client.receiveFrom()
    expect(await client.receiveFrom()).toBe('2 at 2')
    await kept.say(3)
    expect(await client.receiveFrom()).toBe('3 at 3')
    expect(await client.receiveNothing()).toBe(true)
    expect(kept.followers).toBe(1)
  })

  it('ends in a consumer that takes no more messages', async () => {
    const kept = new Kept()
    class Detaching extends Reader {
      override onSaid() {
        this.takeNoMoreMessages()
        return this.answer(() => this.follow('g'))
      }
    }
    const client = await kept.connect(Detaching.asApplication())
    await client.sendTo('{}')
    await client.receiveFrom()
    await kept.say(1, 2)
    expect(await client.receiveFrom()).toBe('ERR_CONNECTION_CLOSED')
    expect(await client.receiveNothing()).toBe(true)
    expect(kept.followers).toBe(0)
  })
})
