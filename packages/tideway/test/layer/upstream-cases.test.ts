import { describe, expect, it } from 'vitest'
import {
  ChannelFullError,
  InMemoryChannelLayer,
  isChannelName,
  isGroupName,
  MessageTooLargeError,
  type ChannelLayer,
} from 'tideway/layer'
import { Capacities, TidewayError } from 'tideway/layer/kit'

/*
 * What the tests of Channels 4.3 assert of its layers, asserted here: tests/test_inmemorychannel.py (10 cases) and
 * tests/test_layers.py (15 cases). The cases without a counterpart:
 *
 * | case of test_layers.py                  | why there is none                                                         |
 * |-----------------------------------------|---------------------------------------------------------------------------|
 * | test_config_error, test_config_instance | no TEST_CONFIG: a layer is an object, a test makes its own with options   |
 * | test_override_settings                  | no settings and no cache of layers that would have to be reset            |
 * | a KeyError of a backend is not hidden   | no backend is imported by its name; the error of a constructor, here that |
 * |                                         | of a bad option, reaches the caller as it is: see "is not hidden" below   |
 * | valid_channel_name and valid_group_name | the deprecated aliases were never here                                    |
 * |   warn that they are deprecated (2)     |                                                                           |
 */

/** Asserts that nothing waits at the channel, which upstream's tests wait a second for. */
async function expectNothingAt(layer: ChannelLayer, channel: string): Promise<void> {
  await layer.send(channel, { type: 'marker' })
  expect(await layer.receive(channel)).toEqual({ type: 'marker' })
}

async function timePasses(ms: number): Promise<void> {
  const start = performance.now()
  while (performance.now() - start <= ms) await new Promise((resolve) => setTimeout(resolve, 5))
}

describe('InMemoryChannelLayer with the cases of test_inmemorychannel.py', () => {
  it('sends a message to a channel, receives it, and keeps no empty channel (test_send_receive)', async () => {
    const layer = new InMemoryChannelLayer({ capacity: 3 })
    await layer.send('test-channel-1', { type: 'test.message', text: 'Ahoy-hoy!' })
    expect(await layer.receive('test-channel-1')).toEqual({ type: 'test.message', text: 'Ahoy-hoy!' })
    expect(layer.stats().channels).toBe(0)
  })

  it('continues if an emptied channel is removed while others use it (test_race_empty)', async () => {
    const layer = new InMemoryChannelLayer({ capacity: 3 })
    const first = layer.receive('test-channel')
    await layer.send('test-channel', { type: 'one' })
    // The queue was emptied, and its receiver has not run yet: a new message and a new receiver must meet.
    const second = layer.receive('test-channel')
    await layer.send('test-channel', { type: 'two' })
    expect([await first, await second]).toEqual([{ type: 'one' }, { type: 'two' }])
    expect(layer.stats().channels).toBe(0)
  })

  it('rejects the fourth message with a capacity of three (test_send_capacity)', async () => {
    const layer = new InMemoryChannelLayer({ capacity: 3 })
    for (let sent = 0; sent < 3; sent++) await layer.send('test-channel-1', { type: 'test.message' })
    await expect(layer.send('test-channel-1', { type: 'test.message' })).rejects.toThrow(ChannelFullError)
  })

  it('sends to a channel of the process and receives from it (test_process_local_send_receive)', async () => {
    const layer = new InMemoryChannelLayer({ capacity: 3 })
    const channel = layer.newChannel()
    await layer.send(channel, { type: 'test.message', text: 'Local only please' })
    expect(await layer.receive(channel)).toEqual({ type: 'test.message', text: 'Local only please' })
  })

  it('receives three messages in the order in which they were sent (test_multi_send_receive)', async () => {
    const layer = new InMemoryChannelLayer({ capacity: 3 })
    for (const type of ['message.1', 'message.2', 'message.3']) await layer.send('test-channel-3', { type })
    for (const type of ['message.1', 'message.2', 'message.3']) {
      expect(await layer.receive('test-channel-3')).toEqual({ type })
    }
  })

  it('sends to the members of a group and not to a discarded one (test_groups_basic)', async () => {
    const layer = new InMemoryChannelLayer({ capacity: 3 })
    for (const member of [1, 2, 3]) await layer.groupAdd('test-group', `test-gr-chan-${member}`)
    await layer.groupDiscard('test-group', 'test-gr-chan-2')
    await layer.groupSend('test-group', { type: 'message.1' })
    expect(await layer.receive('test-gr-chan-1')).toEqual({ type: 'message.1' })
    expect(await layer.receive('test-gr-chan-3')).toEqual({ type: 'message.1' })
    await expectNothingAt(layer, 'test-gr-chan-2')
  })

  it('does not reject a groupSend to members that are full (test_groups_channel_full)', async () => {
    const layer = new InMemoryChannelLayer({ capacity: 3 })
    await layer.groupAdd('test-group', 'test-gr-chan-1')
    for (let sent = 0; sent < 5; sent++) await layer.groupSend('test-group', { type: 'message.1' })
    expect(layer.stats().dropped.full).toBe(2)
  })

  it('drops an expired message, and removes its channel (test_expiry_single)', async () => {
    const layer = new InMemoryChannelLayer({ expiry: 0.05 })
    await layer.send('test-channel-1', { type: 'message.1' })
    expect(layer.stats().channels).toBe(1)
    await timePasses(50)
    await expectNothingAt(layer, 'test-channel-1')
    expect(layer.stats().channels).toBe(0)
  })

  it('removes a channel with expired messages that is not read again (test_expiry_unread)', async () => {
    const layer = new InMemoryChannelLayer({ expiry: 0.05 })
    await layer.send('test-channel-1', { type: 'message.1' })
    await expect.poll(() => layer.stats().channels, { timeout: 5000 }).toBe(0)
    await layer.send('test-channel-2', { type: 'message.2' })
    expect(await layer.receive('test-channel-2')).toEqual({ type: 'message.2' })
    expect(layer.stats().channels).toBe(0)
  })

  it('drops the expired messages of a channel and keeps the others (test_expiry_multi)', async () => {
    const layer = new InMemoryChannelLayer({ expiry: 0.2 })
    for (const type of ['message.1', 'message.2', 'message.3']) await layer.send('test-channel-1', { type })
    expect(await layer.receive('test-channel-1')).toEqual({ type: 'message.1' })
    await timePasses(200)
    await layer.send('test-channel-1', { type: 'message.4' })
    expect(await layer.receive('test-channel-1')).toEqual({ type: 'message.4' })
    await expectNothingAt(layer, 'test-channel-1')
    expect(layer.stats().channels).toBe(0)
  })
})

describe('InMemoryChannelLayer with the cases of test_layers.py', () => {
  it('does not hide the error of a constructor (a KeyError of a backend is not hidden)', () => {
    expect(() => new InMemoryChannelLayer({ expiry: 0 })).toThrow(TidewayError)
    expect(() => new Capacities(0)).toThrow('capacity must be a whole number of at least 1, not 0.')
  })

  it('sends and receives (test_send_receive)', async () => {
    const layer = new InMemoryChannelLayer()
    await layer.send('test.channel', { type: 'test.message' })
    expect(await layer.receive('test.channel')).toEqual({ type: 'test.message' })
  })

  it.each([
    ['¯\\_(ツ)_/¯', false],
    ['chat', true],
    ['chat'.repeat(100), false],
  ])('validates %o as the name of a channel and of a group: %o (6 cases of name validity)', (name, isValid) => {
    expect(isChannelName(name)).toBe(isValid)
    expect(isGroupName(name)).toBe(isValid)
  })

  it('states the maximum length in the error of a channel name that is too long', async () => {
    const layer = new InMemoryChannelLayer()
    await expect(layer.send('a'.repeat(101), { type: 'a' })).rejects.toThrow(/^Channel name .* 1 to 100 /)
  })

  it('states the maximum length in the error of a group name that is too long', async () => {
    const layer = new InMemoryChannelLayer()
    await expect(layer.groupAdd('a'.repeat(101), 'channel')).rejects.toThrow(/^Group name .* 1 to 100 /)
  })
})

describe('InMemoryChannelLayer with the faults of upstream', () => {
  it('uses channelCapacity as given, while upstream fails at the first send', async () => {
    const layer = new InMemoryChannelLayer({ channelCapacity: { 'jobs.*': 1 } })
    await layer.send('jobs.1', { type: 'a' })
    await expect(layer.send('jobs.1', { type: 'a' })).rejects.toThrow(ChannelFullError)
  })

  it('serves two receivers of one channel, while upstream loses the second', async () => {
    const layer = new InMemoryChannelLayer()
    const both = [layer.receive('channel'), layer.receive('channel')]
    await layer.send('channel', { type: 'one' })
    await new Promise((resolve) => setImmediate(resolve))
    await layer.send('channel', { type: 'two' })
    expect(await Promise.all(both)).toEqual([{ type: 'one' }, { type: 'two' }])
  })

  it('accepts a message after the queued ones have expired, while upstream is full', async () => {
    // So short that no sweep comes before the second send: the send itself has to look.
    const layer = new InMemoryChannelLayer({ expiry: 0.001, capacity: 1 })
    await layer.send('channel', { type: 'one' })
    const start = performance.now()
    while (performance.now() - start <= 2);
    await layer.send('channel', { type: 'two' })
    expect(layer.stats().dropped.expired).toBe(1)
  })

  it('counts the capacity per consumer, while upstream and its specification disagree', async () => {
    const layer = new InMemoryChannelLayer({ capacity: 1 })
    for (const channel of [layer.newChannel(), layer.newChannel()]) {
      await layer.send(channel, { type: 'a' })
      await expect(layer.send(channel, { type: 'a' })).rejects.toThrow(ChannelFullError)
    }
  })

  it('allows the documented 100 characters for a name, while upstream allows 99', () => {
    expect(isChannelName('a'.repeat(100))).toBe(true)
    expect(isGroupName('a'.repeat(100))).toBe(true)
  })

  it('has a limit for the size of messages, which upstream names and never checks', async () => {
    const layer = new InMemoryChannelLayer()
    const large = { type: 'a', text: 'x'.repeat(1024 * 1024) }
    await expect(layer.send('channel', large)).rejects.toThrow(MessageTooLargeError)
  })
})
