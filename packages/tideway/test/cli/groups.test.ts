import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { RedisPubSubChannelLayer } from '@tideway/redis'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { RedisServer } from '../../../redis/test/redis-server.ts'
import { describeWith } from '../../../../test/setup/describe-with.ts'
import { presenceOf } from '../../src/live/group-presence.ts'
import type { Family } from '../../src/cli/asyncapi/live-endpoints.ts'
import type { GroupAccess } from '../../src/cli/groups/group-command.ts'
import { publish } from '../../src/cli/groups/publish-program.ts'
import { Recording, replay } from '../../src/cli/groups/recording.ts'
import { printable, textOf } from '../../src/cli/groups/lines.ts'
import { namedGroup } from '../../src/cli/groups/named-group.ts'
import { defineGroup } from '../../src/live/define-group.ts'
import { z } from 'zod'
import { Command, fixture } from './command.ts'

const room = defineGroup('room', { events: { said: z.object({ text: z.string() }) } })
const prices = defineGroup('prices', { state: z.number() })
const root = fileURLToPath(new URL('../../../..', import.meta.url))

describeWith(['redis'], 'the commands for groups', () => {
  let redis: RedisServer
  let layer: RedisPubSubChannelLayer
  let folder: string
  beforeAll(async () => {
    redis = await RedisServer.start()
    layer = new RedisPubSubChannelLayer({ hosts: [redis.url] })
    folder = await mkdtemp(join(tmpdir(), 'tideway-groups-'))
  })
  afterAll(async () => {
    await layer.close()
    await redis.stop()
    await rm(folder, { recursive: true })
  })

  /** Runs a command in the folder of the application, which it finds itself. */
  function start(...args: string[]): Command {
    return new Command(args, { cwd: dirname(fixture('groups/application.ts')), env: { TEST_REDIS: redis.url } })
  }

  async function run(...args: string[]): Promise<{ readonly code: number | null; readonly output: string }> {
    const command = start(...args)
    return { code: await command.exitCode(), output: command.output }
  }

  const access = (): GroupAccess => ({
    layer,
    keptGroups: layer.keptGroups,
    families: new Map<string, Family>([room, prices].map((family) => [family.name, family as Family])),
  })
  const texts = async (id: string): Promise<string[]> => (await room(id).history(layer)).map(({ data }) => data.text)

  it('publish events and values, and print what others publish', async () => {
    const tap = start('tap', 'room.lobby', '--last', '5', '--record', join(folder, 'lobby.jsonl'))
    await tap.says(/Following room\.lobby from /)
    const event = await run('publish', 'room.lobby', 'said', '{"text":"h\\u001bi"}', '--id', 'deploy-7', '--json')
    expect(event.code).toBe(0)
    expect(JSON.parse(event.output)).toEqual({ position: expect.stringMatching(/:1$/), duplicate: false })
    await layer.keptGroups.publishVolatile('room.lobby', '{"e":"typing","d":{"user":"ann"}}')
    await room('lobby').publish(layer, 'said', { text: 'from the server' })
    await tap.says(/from the server/)
    tap.process.kill('SIGINT')
    expect(await tap.exitCode()).toBe(0)
    const { position } = JSON.parse(event.output) as { readonly position: string }
    expect(tap.output).toContain(`${position.padEnd(14)}  said          {"text":"h\\u001bi"}  id=deploy-7\n`)
    expect(tap.output).toMatch(/^~ {15}typing {8}\{"user":"ann"\}$/m)
    const recorded = (await readFile(join(folder, 'lobby.jsonl'), 'utf8')).trim().split('\n')
    expect(recorded.map((line) => JSON.parse(line) as object)).toMatchObject([
      { position, event: 'said', data: { text: 'h\u001bi' }, id: 'deploy-7' },
      { volatile: true, event: 'typing' },
      { event: 'said', data: { text: 'from the server' } },
    ])
    const replayed = await run('tap', 'room.copy', '--replay', join(folder, 'lobby.jsonl'))
    expect(replayed).toEqual({
      code: 0,
      output: 'Replayed 2 events, 0 that were published before, 1 volatile events and 0 changes of values.\n',
    })
    expect(await texts('copy')).toEqual(await texts('lobby'))
    const again = await replay(access(), namedGroup(access(), 'room.copy'), join(folder, 'lobby.jsonl'))
    expect(again).toEqual({ published: 0, duplicates: 2, volatile: 1, values: 0 })
  })

  it('print the values of a state group, who is in a group, and the followed groups, and end', async () => {
    await publish(access(), namedGroup(access(), 'prices.usd'), { event: 'A', data: 1 })
    await prices('usd').set(layer, 'B', 2)
    await presenceOf(layer).enter('room.past', { key: 'u1', meta: { name: 'Ann' } })
    const { cursor } = await layer.keptGroups.follow('room.past', { onEntry() {}, onVolatile() {}, onReset() {} })
    cursor.start()
    const [values, people, groups] = await Promise.all([
      run('tap', 'prices.usd', '--no-follow', '--json'),
      run('who', 'room.past'),
      run('groups', '--interval', '0.1'),
    ])
    expect(groups.code).toBe(0)
    expect(groups.output).toMatch(
      /^group +followers +processes +lag +events\/s +position\nroom\.past +1 +1 +0 +0\.0 +\S+:0\n1 group; /,
    )
    const lines = values.output.trim().split('\n')
    expect(lines.map((line) => JSON.parse(line) as object)).toMatchObject([
      { key: 'A', value: 1 },
      { key: 'B', value: 2 },
    ])
    expect(people).toEqual({ code: 0, output: 'u1  {"name":"Ann"}\n1 person in room.past.\n' })
  })

  it('check events and values with the schemas of the application', async () => {
    const refused = (group: string, event: string, data: unknown, id?: string): Promise<unknown> =>
      publish(access(), namedGroup(access(), group), { event, data, id })
    await expect(refused('room.a', 'said', { text: 1 })).rejects.toMatchObject({ code: 'ERR_BAD_EVENT' })
    await expect(refused('room.a', 'sang', {})).rejects.toMatchObject({ code: 'ERR_BAD_EVENT' })
    await expect(refused('prices.a', 'A', 'x')).rejects.toMatchObject({ code: 'ERR_BAD_EVENT' })
    await expect(refused('prices.a', 'A', 1, 'id')).rejects.toMatchObject({ code: 'ERR_BAD_OPTION' })
  })

  it('delete the value of a key', async () => {
    await prices('old').set(layer, 'A', 1)
    const deleted = await run('publish', 'prices.old', 'A', '--delete')
    expect(deleted).toEqual({ code: 0, output: expect.stringMatching(/^Deleted from prices\.old at \S+:2\.\n$/) })
    expect(await prices('old').values(layer)).toEqual(new Map())
    const again = await publish(access(), namedGroup(access(), 'prices.old'), { event: 'A', deletes: true })
    expect(again).toMatchObject({ changed: false })
  })

  it('refuse a deletion with a value or from a group of events', async () => {
    const refused = (group: string, data?: unknown): Promise<unknown> =>
      publish(access(), namedGroup(access(), group), { event: 'A', data, deletes: true })
    await expect(refused('prices.a', 1)).rejects.toMatchObject({ code: 'ERR_BAD_OPTION' })
    await expect(refused('room.a')).rejects.toThrow(
      '--delete needs a state group, and "room.a" is not declared as one.',
    )
    await expect(refused('other.a')).rejects.toMatchObject({ code: 'ERR_BAD_OPTION' })
  })

  it('refuse a file that no tap has written, with its line', async () => {
    const file = join(folder, 'other.jsonl')
    await writeFile(file, '{"position":"a:1","event":"said","data":{}}\n\n{"position":"a:2"}\n')
    const group = namedGroup(access(), 'room.other')
    await expect(replay(access(), group, file)).rejects.toThrow(`${file}:3 is not a line that`)
    await expect(replay(access(), group, join(folder, 'none'))).rejects.toMatchObject({ code: 'ERR_BAD_OPTION' })
    const recording = new Recording(file)
    await expect(recording.write({ volatile: true, event: 'a' })).rejects.toThrow(/--record .*EEXIST/)
  })

  it('use REDIS_URL without an application', async () => {
    const command = new Command(['publish', 'room.café', 'said', '{"text":"any"}'], {
      cwd: join(root, 'bench'),
      env: { REDIS_URL: redis.url },
    })
    expect(await command.exitCode()).toBe(0)
    expect(command.output).toContain('the event is not checked')
    expect(await texts('café')).toEqual(['any'])
  })
})

describe('the commands for groups', () => {
  it('refuse a layer that no other process sees', async () => {
    const command = new Command(['who', 'room.lobby', '--file', fixture('asyncapi/application.ts')])
    expect(await command.exitCode()).toBe(1)
    expect(command.output).toMatch(/^tideway: .*works in one process only, and this command is another process/)
  })
})

describe('printable()', () => {
  it('escapes what controls a terminal', () => {
    expect(printable('a\u001b[2J\u009b\u202eb\né')).toBe('a\\u001b[2J\\u009b\\u202eb\\u000aé')
    expect(textOf({ position: 'a:1', body: '\u0007' })).toContain('\\u0007')
    expect(textOf({ position: 'a:1', key: 'k', deleted: true })).toContain('(deleted)')
  })
})

describe('namedGroup()', () => {
  const access = { families: new Map([['room', room]]) } as never
  it.each([
    ['room.a b', 'room.a_20b'],
    ['other.a b', 'other.a_20b'],
    ['plain', 'plain'],
    [room('x'.repeat(200)).name, room('x'.repeat(200)).name],
  ])('names the group %s as the layer does', (given, name) => {
    const isHashed = given.includes('..')
    expect(namedGroup(isHashed ? ({ families: new Map() } as never) : access, given).name).toBe(name)
  })
})
