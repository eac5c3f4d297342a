import assert from 'node:assert/strict'
import type { ContractChapter } from './contract-test.ts'
import { receiveSoon } from './contract-test.ts'

const message = { type: 'contract.message' }

const badGroups: readonly unknown[] = [
  '',
  'a'.repeat(101),
  'a!b',
  'a b',
  'a/b',
  'a?b',
  'a:b',
  'a\n',
  'é',
  '😀',
  1,
  null,
]
const badChannels: readonly unknown[] = [
  '',
  'a'.repeat(101),
  '!',
  '!a',
  'a!b!c',
  'a!é',
  'a!b c',
  'a b',
  'a/b',
  'a?b',
  'a\n',
  'a!\n',
  'é',
  1,
  null,
  undefined,
]

/** Names of channels and groups. */
export const nameTests: ContractChapter = {
  'accepts channel names of ASCII letters, digits, hyphens, underscores and periods': async ({ makeLayer }) => {
    const layer = await makeLayer()
    for (const name of ['a', '7', 'Chat.room-7_B', '...', '-', 'x'.repeat(100)]) {
      await layer.send(name, { type: 'contract.named', name })
      assert.equal((await receiveSoon(layer, name))['name'], name)
    }
  },
  'accepts one "!" in a channel name, which makes it local to a process, but not at its start': async ({
    makeLayer,
  }) => {
    const layer = await makeLayer()
    for (const name of ['a!', 'a!b', '.!.', 'a!.-_9', `${'x'.repeat(50)}!${'x'.repeat(49)}`]) {
      layer.attach(name, { deliver: () => 'delivered' })
      await layer.detach(name)
    }
  },
  'rejects other channel names in every call, and names the rule': async ({ makeLayer }) => {
    const layer = await makeLayer()
    const wanted = { code: 'ERR_BAD_NAME', message: /^Channel name .* 1 to 100 ASCII letters/ }
    for (const name of badChannels as string[]) {
      await assert.rejects(() => layer.send(name, message), wanted)
      await assert.rejects(() => layer.receive(name), wanted)
      await assert.rejects(() => layer.groupAdd('group', name), wanted)
      await assert.rejects(() => layer.groupDiscard('group', name), wanted)
      assert.throws(() => layer.attach(name, { deliver: () => 'delivered' }), wanted)
    }
    assert.equal(layer.stats().channels, 0)
  },
  'rejects other group names in every call, and names the rule': async ({ makeLayer }) => {
    const layer = await makeLayer()
    const wanted = { code: 'ERR_BAD_NAME', message: /^Group name .* 1 to 100 ASCII letters/ }
    for (const name of badGroups as string[]) {
      await assert.rejects(() => layer.groupAdd(name, 'channel'), wanted)
      await assert.rejects(() => layer.groupDiscard(name, 'channel'), wanted)
      await assert.rejects(() => layer.groupSend(name, message), wanted)
    }
    assert.equal(layer.stats().groups, 0)
  },
  'accepts group names of 100 characters': async ({ makeLayer }) => {
    const layer = await makeLayer()
    const group = 'Room-7_b.'.padEnd(100, 'x')
    const channel = layer.newChannel()
    await layer.groupAdd(group, channel)
    await layer.groupSend(group, message)
    assert.deepEqual(await receiveSoon(layer, channel), message)
  },
  'makes channel names that are all different, valid, and local to the process': async ({ makeLayer }) => {
    const layer = await makeLayer()
    const names = Array.from({ length: 1000 }, () => layer.newChannel())
    assert.equal(new Set(names).size, 1000)
    for (const name of names) assert.match(name, /^[\w.-]+![\w.-]+$/)
    assert.ok(names.every((name) => name.length <= 100))
    assert.equal(layer.stats().channels, 0, 'an unused name costs nothing')
  },
  'makes channel names with a prefix of the caller, and refuses one that is too long or invalid': async ({
    makeLayer,
  }) => {
    const layer = await makeLayer()
    assert.match(layer.newChannel('worker'), /^worker[^!]*!/)
    assert.throws(() => layer.newChannel('x'.repeat(100)), { code: 'ERR_BAD_NAME' })
    assert.throws(() => layer.newChannel('a!b'), { code: 'ERR_BAD_NAME' })
    assert.throws(() => layer.newChannel('a b'), { code: 'ERR_BAD_NAME' })
  },
}
