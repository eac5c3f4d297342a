import { InMemoryChannelLayer, JsonWebSocketConsumer } from 'tideway'
import type { PresentPeople } from 'tideway/consumer'
import type { PresenceDiff } from 'tideway/layer/kit'
import { describe, expect, it } from 'vitest'
import { patiently } from '../../../../test/setup/patiently.ts'
import { gate, type Gate } from './ending.ts'
import { Kept } from './following.ts'

/** What the client asks for. */
type Asked = { readonly enter?: string; readonly meta?: unknown; readonly watch?: boolean; readonly unwatch?: boolean }

/** A wire of its own: texts with the names of people. */
class Raw extends JsonWebSocketConsumer<{}, {}> {
  static busy: Gate | undefined

  override async receiveJson({ enter, meta = null, watch, unwatch }: Asked): Promise<void> {
    try {
      if (enter !== undefined) await this.enter('g', { key: enter, meta })
      if (unwatch) this.unwatchPresence('g')
      const here: PresentPeople | undefined = watch ? await this.watchPresence('g') : undefined
      await this.sendJson(here === undefined ? 'done' : { count: here.count, people: [...here.people] })
    } catch (error) {
      await this.sendJson((error as { code: string }).code)
    }
  }

  async onPresence(group: string, { in: entered, up, out, count }: PresenceDiff): Promise<void> {
    await Raw.busy?.opened
    await this.sendJson({ group, in: [...entered], up: [...up], out: [...out], count })
  }
}
const application = Raw.asApplication()

function keptOf(graceMs: number): Kept {
  return Object.assign(new Kept(), {
    layer: new InMemoryChannelLayer({ keptGroups: { presence: { graceMs, diffMs: 5 } } }),
  })
}

const present = async ({ layer }: Kept): Promise<string[]> =>
  (await layer.keptGroups.presence!.who('g', 10)).people.map(({ key }) => key)

describe('the presence of a consumer with a wire of its own', () => {
  it('enters it, shows it to watchers, and ends with the connection', async () => {
    const kept = keptOf(0)
    const [ann, bo] = [await kept.connect(application), await kept.connect(application)]
    ann.sendJsonTo({ enter: 'ann', meta: { name: 'Ann' } })
    expect(await ann.receiveJsonFrom()).toBe('done')
    bo.sendJsonTo({ watch: true })
    expect(await bo.receiveJsonFrom()).toEqual({ count: 1, people: [['ann', { name: 'Ann' }]] })
    await ann.disconnect()
    expect(await bo.receiveJsonFrom()).toEqual({ group: 'g', in: [], up: [], out: ['ann'], count: 0 })
  })

  it('stays for the grace time after the connection has ended', async () => {
    const kept = keptOf(60_000)
    const ann = await kept.connect(application)
    ann.sendJsonTo({ enter: 'ann' })
    await ann.receiveJsonFrom()
    await ann.disconnect()
    expect(await present(kept)).toEqual(['ann'])
  })

  it('passes the changes together that come while the consumer is busy', async () => {
    const kept = keptOf(0)
    const watcher = await kept.connect(application)
    watcher.sendJsonTo({ watch: true })
    expect(await watcher.receiveJsonFrom()).toEqual({ count: 0, people: [] })
    Raw.busy = gate()
    const { presence } = kept.layer.keptGroups
    // Gets each diff when the consumer gets it.
    const counts: number[] = []
    await presence!.watch('g', { onOpen: () => {}, onDiff: ({ count }) => void counts.push(count) })
    const members = []
    for (const key of ['ann', 'bo', 'cleo']) {
      members.push(await presence!.enter('g', { key, meta: 1 }))
      await patiently(() => expect(counts.at(-1)).toBe(members.length))
    }
    await members[1]!.update(2)
    members[2]!.leave()
    await patiently(() => expect(counts.at(-1)).toBe(2))
    Raw.busy.open()
    Raw.busy = undefined
    const first = (await watcher.receiveJsonFrom()) as { in: unknown[] }
    const second = (await watcher.receiveJsonFrom()) as object
    expect(first.in).toEqual([['ann', 1]])
    expect(second).toEqual({ group: 'g', in: [['bo', 2]], up: [], out: ['cleo'], count: 2 })
  })

  it('is not watched any more after unwatchPresence()', async () => {
    const kept = keptOf(0)
    const watcher = await kept.connect(application)
    watcher.sendJsonTo({ watch: true })
    await watcher.receiveJsonFrom()
    watcher.sendJsonTo({ unwatch: true })
    await watcher.receiveJsonFrom()
    const enteredAfter = await kept.layer.keptGroups.presence!.enter('g', { key: 'ann', meta: null })
    watcher.sendJsonTo({ watch: true })
    expect(await watcher.receiveJsonFrom()).toEqual({ count: 1, people: [['ann', null]] })
    enteredAfter.leave()
    expect(await watcher.receiveJsonFrom()).toMatchObject({ out: ['ann'] })
  })

  it('rejects a person that is too large, and a class without onPresence()', async () => {
    const kept = keptOf(0)
    const client = await kept.connect(application)
    client.sendJsonTo({ enter: 'ann', meta: 'x'.repeat(1025) })
    expect(await client.receiveJsonFrom()).toBe('ERR_BAD_PRESENCE')
    class Blind extends JsonWebSocketConsumer<{}, {}> {
      override async receiveJson(): Promise<void> {
        await this.watchPresence.call(this as never, 'g').catch((error: { code: string }) => this.sendJson(error.code))
      }
    }
    const blind = await kept.connect(Blind.asApplication())
    blind.sendJsonTo({})
    expect(await blind.receiveJsonFrom()).toBe('ERR_BAD_OPTION')
  })
})
