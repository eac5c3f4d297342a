import { WebSocketConsumer, type TextOrBytes } from 'tideway'
import type { EventInfo } from 'tideway/consumer'
import { defineGroup } from 'tideway/live'
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { gate } from './ending.ts'
import { Kept, settled, upTo } from './following.ts'

const prices = defineGroup('prices', { state: z.number() })
const group = prices('eur').name

/** Follows the prices, from the position that the client sends. Sends what it gets. */
class Board extends WebSocketConsumer<{}, {}> {
  override async receive({ text }: TextOrBytes): Promise<void> {
    const { values, ...answer } = await this.follow(group, { since: text || undefined, isState: true })
    await this.send({ text: JSON.stringify({ ...answer, values: values && [...values] }) })
  }

  onValue(value: unknown, { group: of, key, position }: EventInfo): void | Promise<void> {
    return this.send({ text: JSON.stringify([of, key, value ?? 'deleted', offsetOf(position)]) })
  }

  onReset(of: string, why: string, position: string, values?: ReadonlyMap<string, unknown>): void | Promise<void> {
    return this.send({ text: JSON.stringify(['reset', of, why, offsetOf(position), [...values!]]) })
  }
}

const offsetOf = (position: string | undefined): number => Number(position!.split(':')[1])

async function connected(kept: Kept, consumer: typeof Board = Board) {
  const client = await kept.connect(consumer.asApplication())
  const next = async (): Promise<unknown> => JSON.parse(String(await client.receiveFrom()))
  return {
    next,
    async follow(since = ''): Promise<unknown> {
      await client.sendTo(since)
      const answer = await next()
      await settled()
      return answer
    },
  }
}

describe('follow() of a group with values', () => {
  it('resolves with the values, and passes each change to onValue()', async () => {
    const kept = new Kept()
    await prices('eur').set(kept.layer, 'USD', 1.1)
    await prices('eur').set(kept.layer, 'JPY', 160)
    await prices('eur').delete(kept.layer, 'JPY')
    const client = await connected(kept)
    expect(await client.follow()).toMatchObject({ recovered: false, values: [['USD', 1.1]] })
    await prices('eur').set(kept.layer, 'CHF', 0.9)
    await prices('eur').delete(kept.layer, 'USD')
    expect([await client.next(), await client.next()]).toEqual([
      [group, 'CHF', 0.9, 4],
      [group, 'USD', 'deleted', 5],
    ])
  })

  it('continues a position with the newest change of each key, and without the values', async () => {
    const kept = new Kept()
    const { version } = await prices('eur').set(kept.layer, 'USD', 1)
    for (const price of upTo(600)) await prices('eur').set(kept.layer, `key ${price % 2}`, price)
    const client = await connected(kept)
    const answer = await client.follow(version)
    expect(answer).toMatchObject({ recovered: true, position: version })
    expect(answer).not.toHaveProperty('values')
    expect([await client.next(), await client.next()]).toEqual([
      [group, 'key 1', 599, 600],
      [group, 'key 0', 600, 601],
    ])
  })

  it('passes the newest value of each key to a consumer that was busy', async () => {
    const kept = new Kept()
    const slow = gate()
    class Slow extends Board {
      override async onValue(...change: Parameters<Board['onValue']>) {
        await slow.opened
        await super.onValue(...change)
      }
    }
    const client = await connected(kept, Slow)
    await client.follow()
    for (const price of upTo(1000)) await prices('eur').set(kept.layer, `key ${price % 3}`, price)
    await settled()
    slow.open()
    // Two of the first changes had entered the mailbox.
    const got = [
      await client.next(),
      await client.next(),
      await client.next(),
      await client.next(),
      await client.next(),
    ]
    expect(got.map((change) => (change as unknown[])[2])).toEqual([1, 2, 998, 999, 1000])
  })

  it('passes all values to onReset() if the log is lost', async () => {
    const kept = new Kept()
    const client = await connected(kept)
    await client.follow()
    await kept.layer.flush()
    expect(await client.next()).toEqual(['reset', group, 'epoch', 0, []])
    await prices('eur').set(kept.layer, 'USD', 2)
    expect(await client.next()).toEqual([group, 'USD', 2, 1])
  })

  it('skips an entry that is not a change, also in the values', async () => {
    const kept = new Kept()
    await kept.layer.keptGroups.set(group, 'broken', '{')
    await prices('eur').set(kept.layer, 'USD', 1)
    const client = await connected(kept)
    expect(await client.follow()).toMatchObject({ values: [['USD', 1]] })
    await kept.layer.keptGroups.set(group, 'broken', '}')
    await prices('eur').set(kept.layer, 'USD', 2)
    expect(await client.next()).toEqual([group, 'USD', 2, 4])
    expect(kept.logger.messages('warn')).toEqual([expect.stringMatching(/is not an event/)])
  })

  it('calls a static onValue() once for all followers', async () => {
    const kept = new Kept()
    let calls = 0
    class Shared extends WebSocketConsumer<{}, {}> {
      static onValue(value: unknown) {
        calls++
        return { text: JSON.stringify(value) }
      }
      override async receive() {
        await this.follow(group, { isState: true })
        await this.send({ text: '"ready"' })
      }
      onReset() {}
    }
    const clients = await Promise.all([1, 2, 3].map(() => kept.connect(Shared.asApplication())))
    for (const client of clients) {
      await client.sendTo('')
      expect(await client.receiveFrom()).toBe('"ready"')
    }
    await settled()
    await prices('eur').set(kept.layer, 'USD', 3)
    for (const client of clients) expect(await client.receiveFrom()).toBe('3')
    expect(calls).toBe(1)
  })
})
