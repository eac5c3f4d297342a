import assert from 'node:assert/strict'
import type { ChannelLayer, Message } from '../channel-layer.ts'
import { ChannelFullError } from '../errors.ts'
import type { ContractChapter } from './contract-test.ts'
import { attachNew, numbered, receiveSoon, settle, until, untilPassed } from './contract-test.ts'

const message = { type: 'contract.message' }

/** The expiry of messages, and of the membership of channels without a receiver. */
export const expiryTests: ContractChapter = {
  'drops a message that no receiver took within expiry, and delivers the ones after it': async ({
    makeLayer,
    expiry,
  }) => {
    const layer = await makeLayer({ expiry })
    const channel = layer.newChannel()
    for (const one of numbered(2)) await layer.send(channel, one)
    await untilPassed(performance.now(), expiry * 1000)
    // Asked for before it is sent, so that it cannot expire as well on a machine that is busy.
    const received = receiveSoon(layer, channel)
    await layer.send(channel, { type: 'contract.fresh' })
    assert.deepEqual(await received, { type: 'contract.fresh' })
    assert.equal(layer.stats().dropped.expired, 2)
  },
  'drops a message of a general channel that no receiver took within expiry': async ({ makeLayer, expiry }) => {
    const layer = await makeLayer({ expiry })
    await layer.send('jobs', message)
    await untilPassed(performance.now(), expiry * 1000)
    const received = receiveSoon(layer, 'jobs')
    await layer.send('jobs', { type: 'contract.fresh' })
    assert.deepEqual(await received, { type: 'contract.fresh' })
  },
  'delivers a message that was received within expiry': async ({ makeLayer, expiry }) => {
    const layer = await makeLayer({ expiry: expiry * 100 })
    await layer.send('jobs', message)
    await untilPassed(performance.now(), expiry * 1000)
    assert.deepEqual(await receiveSoon(layer, 'jobs'), message)
  },
  'accepts messages at a full channel again after the queued ones have expired': async ({ makeLayer, expiry }) => {
    const layer = await makeLayer({ expiry, capacity: 1 })
    for (const channel of [layer.newChannel(), 'jobs']) {
      await layer.send(channel, message)
      // Again and again, since on a machine that is busy the new message may expire before it is received.
      await until('the channel takes a message, and gives it', async () => {
        try {
          await layer.send(channel, { type: 'contract.fresh' })
        } catch (error) {
          assert.ok(error instanceof ChannelFullError)
          return false
        }
        const wait = AbortSignal.timeout(expiry * 1000)
        const received = await layer.receive(channel, { signal: wait }).catch(() => undefined)
        return received?.type === 'contract.fresh'
      })
    }
  },
  'keeps no state of a channel whose messages have expired': async ({ makeLayer, expiry }) => {
    const layer = await makeLayer({ expiry })
    await layer.send(layer.newChannel(), message)
    await until('the channel is forgotten', () => layer.stats().channels === 0)
  },
  'keeps an attached channel in its groups beyond groupExpiry and expiry': async ({ makeLayer, expiry }) => {
    const layer = await makeLayer({ expiry, groupExpiry: expiry })
    const [channel, collector] = attachNew(layer)
    await layer.groupAdd('group', channel)
    await untilPassed(performance.now(), expiry * 2500)
    await sendUntil(layer, () => collector.messages.length > 0)
    assert.deepEqual((await collector.first(1))[0], message)
  },
  'keeps a channel with a pending receive() in its groups beyond groupExpiry and expiry': async ({
    makeLayer,
    expiry,
  }) => {
    const layer = await makeLayer({ expiry, groupExpiry: expiry })
    const channel = layer.newChannel()
    // Waits before it is added: on a machine that is busy, groupAdd alone may take longer than groupExpiry.
    const waiting = receiveSoon(layer, channel)
    let received: Message | undefined
    const arrived = waiting.then((one) => (received = one))
    await layer.groupAdd('group', channel)
    await untilPassed(performance.now(), expiry * 2500)
    await sendUntil(layer, () => received !== undefined)
    assert.deepEqual(await arrived, message)
  },
  'removes a channel without a receiver from its groups after groupExpiry': async ({ makeLayer, expiry }) => {
    const layer = await makeLayer({ groupExpiry: expiry })
    const channel = layer.newChannel()
    await layer.groupAdd('group', channel)
    await untilPassed(performance.now(), expiry * 1000)
    await layer.groupSend('group', message)
    await settle()
    await layer.send(channel, { type: 'contract.marker' })
    assert.deepEqual(await receiveSoon(layer, channel), { type: 'contract.marker' })
  },
  'removes a channel from its groups if no receiver took a message of it within expiry': async ({
    makeLayer,
    expiry,
  }) => {
    const layer = await makeLayer({ expiry })
    const channel = layer.newChannel()
    await layer.groupAdd('group', channel)
    await layer.groupSend('group', message)
    await until('the group is empty', () => layer.stats().groups === 0)
    assert.equal(layer.stats().channels, 0)
  },
  'throws for an expiry that is not a number above 0': async ({ makeLayer }) => {
    for (const seconds of [0, -1, Number.NaN, Number.POSITIVE_INFINITY]) {
      await assert.rejects(() => makeLayer({ expiry: seconds }), { code: 'ERR_BAD_OPTION', message: /^expiry must/ })
      await assert.rejects(() => makeLayer({ groupExpiry: seconds }), { code: 'ERR_BAD_OPTION' })
      await assert.rejects(() => makeLayer({ maxMessageBytes: seconds }), { code: 'ERR_BAD_OPTION' })
    }
  },
}

/**
 * Sends to the group until a member has the message. An engine with a lease this short can lose a member for a moment if the
 * machine is too busy to renew it, unlike with a real lease of minutes. A permanent loss is an error.
 */
function sendUntil(layer: ChannelLayer, arrived: () => boolean): Promise<void> {
  return until('a message reaches the member', async () => {
    await layer.groupSend('group', message)
    return arrived()
  })
}
