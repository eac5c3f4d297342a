import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { describe, expect, it } from 'vitest'
import { InMemoryChannelLayer, type ChannelLayerOptions, type GroupSendOptions, type Message } from 'tideway/layer'
import { describeChannelLayer, type ContractOptions } from 'tideway/layer/contract'
import { Hub, HubChannelLayer } from './hub-channel-layer.ts'
import { compileProgram } from '../../../../test/setup/compiled.ts'

interface Registered {
  readonly chapters: string[]
  readonly tests: Map<string, () => Promise<void>>
  readonly skipped: string[]
}

/** Runs `describeChannelLayer` with a runner that writes down what it is given instead of running it. */
function register<Layer extends InMemoryChannelLayer | HubChannelLayer>(
  makeLayer: (options: ChannelLayerOptions) => Layer,
  options: Omit<ContractOptions<Layer>, 'runner'> = {},
): Registered {
  const registered: Registered = { chapters: [], tests: new Map(), skipped: [] }
  const it = Object.assign((name: string, body: () => Promise<void>) => void registered.tests.set(name, body), {
    skip: (name: string) => registered.skipped.push(name),
  })
  const describe = (name: string, body: () => void): void => {
    registered.chapters.push(name)
    body()
  }
  describeChannelLayer('a layer', makeLayer, { ...options, runner: { describe, it } })
  return registered
}

describe('describeChannelLayer', () => {
  it('registers a suite of the given name, with a chapter for each part of the specification', () => {
    const { chapters, tests, skipped } = register((options) => new InMemoryChannelLayer(options))
    expect(chapters).toEqual(['a layer', 'names', 'messages', 'channels', 'capacity', 'groups', 'expiry', 'its life'])
    expect(tests.size).toBeGreaterThan(70)
    expect(skipped).toEqual([])
  })

  it('registers the tests that cross processes if it can make a second layer', () => {
    const { chapters } = register((options) => new HubChannelLayer(new Hub(options), options), {
      makePeer: (layer, options) => new HubChannelLayer(layer.hub, options),
    })
    expect(chapters.slice(-2)).toEqual(['crossing processes', 'general channels across processes'])
  })

  it('skips the given tests, and shows the reason', () => {
    const { tests, skipped } = register((options) => new InMemoryChannelLayer(options), {
      skip: [{ reason: 'JSON has none', tests: ['delivers NaN and the infinities'] }],
    })
    expect(skipped).toEqual(['delivers NaN and the infinities (not here: JSON has none)'])
    expect(tests.has('delivers NaN and the infinities')).toBe(false)
  })

  it('throws for a test to skip that it does not have', () => {
    const skip = [{ reason: 'none', tests: ['delivers everything twice'] }]
    expect(() => register((options) => new InMemoryChannelLayer(options), { skip })).toThrow(
      'skip names a test that the contract does not have: "delivers everything twice".',
    )
  })

  it('runs with node:test too', async () => {
    const file = compileProgram(new URL('fixtures/with-node-test.ts', import.meta.url))
    const flags = ['--test-reporter=tap']
    // Node's runner takes this variable for the sign that another runner of its kind has started it.
    const env = { ...process.env, NODE_TEST_CONTEXT: undefined }
    const { stdout } = await promisify(execFile)(process.execPath, [...flags, file], { env })
    expect(stdout).toMatch(/^# fail 0$/m)
    expect(stdout).toMatch(/^# skipped 1$/m)
    expect(stdout).toContain('delivers NaN and the infinities (not here: to see a skip) # SKIP')
    expect(stdout).toContain('ok 1 - with the runner of Node')
  })

  it('closes every layer after its test, also after a failure', async () => {
    const made: InMemoryChannelLayer[] = []
    const { tests } = register((options) => {
      const layer = new (class extends InMemoryChannelLayer {
        override newChannel(): string {
          throw new Error('broken')
        }
      })(options)
      made.push(layer)
      return layer
    })
    await expect(tests.get('delivers to a channel of this process by receive()')!()).rejects.toThrow('broken')
    expect(made).toHaveLength(1)
    await expect(made[0]!.flush()).rejects.toMatchObject({ code: 'ERR_LAYER_CLOSED' })
  })
})

class Unfrozen extends InMemoryChannelLayer {
  protected override sendToChannel(channel: string, message: Message): Promise<void> {
    return super.sendToChannel(channel, structuredClone(message))
  }
}

class Synchronous extends InMemoryChannelLayer {
  protected override async sendToChannel(channel: string, message: Message): Promise<void> {
    this.local.deliver(channel, message)
  }
}

class Hasty extends InMemoryChannelLayer {
  protected override async sendToChannel(channel: string, message: Message): Promise<void> {
    if (Number(message['number']) % 2 === 1) await new Promise((resolve) => setTimeout(resolve, 1))
    return super.sendToChannel(channel, message)
  }
}

class Twice extends InMemoryChannelLayer {
  protected override async sendToGroup(group: string, message: Message, except: GroupSendOptions['except']) {
    await super.sendToGroup(group, message, except)
    await super.sendToGroup(group, message, except)
  }
}

class DeafToExcept extends InMemoryChannelLayer {
  protected override sendToGroup(group: string, message: Message): Promise<void> {
    return super.sendToGroup(group, message, undefined)
  }
}

/** Answers at the abort, but does not stop to wait for the message. */
class Careless extends InMemoryChannelLayer {
  protected override receiveFromChannel(channel: string, signal: AbortSignal | undefined): Promise<Message> {
    const aborted = new Promise<never>((_, reject) => {
      signal?.addEventListener('abort', () => reject(signal.reason as Error))
    })
    return Promise.race([super.receiveFromChannel(channel, undefined), aborted])
  }
}

class Forgetful extends InMemoryChannelLayer {
  override async flush(): Promise<void> {
    this.local.close(new Error('flushed'))
  }
}

class Clinging extends InMemoryChannelLayer {
  override async detach(): Promise<void> {}
}

class Undying extends InMemoryChannelLayer {
  override close(): Promise<void> {
    return Promise.resolve()
  }
}

class Everlasting extends InMemoryChannelLayer {
  constructor(options: ChannelLayerOptions) {
    super({ ...options, expiry: 60, groupExpiry: 60 })
  }
}

/** Does not wait until the engine knows of the group. */
class Impatient extends HubChannelLayer {
  protected override async groupEntered(group: string): Promise<void> {
    setTimeout(() => void super.groupEntered(group), 1)
  }
}

/** Delivers messages by reference, and delivers a job to every process. */
class Loud extends HubChannelLayer {
  protected override async sendToChannel(channel: string, message: Message): Promise<void> {
    if (channel.includes('!')) return super.sendToChannel(channel, message)
    for (const process of this.hub.processes.values()) (process as Loud).local.deliver(channel, message)
  }

  protected override receiveFromChannel(channel: string, signal: AbortSignal | undefined): Promise<Message> {
    return this.local.receive(channel, signal)
  }
}

describe('the contract of channel layers', () => {
  it.concurrent.each([
    [Unfrozen, 'delivers deeply frozen messages'],
    [Synchronous, 'never pushes a message before the call that sends it has returned'],
    [Synchronous, 'rejects a send to a full channel with ChannelFullError, and keeps the queued messages'],
    [Hasty, 'keeps the order of the calls of one sender, awaited or not, to an attached channel'],
    [Hasty, 'keeps the order of the calls of one sender, awaited or not, to receive()'],
    [Twice, 'sends to every member of the group once and to no other channel'],
    [Twice, 'keeps the order of the calls of one sender for every member, awaited or not'],
    [DeafToExcept, 'skips the channels of `except`, one or many'],
    [Careless, 'loses no message to an aborted receive() at any time'],
    [Forgetful, 'keeps a receive() pending through flush'],
    [Clinging, 'removes a channel from every group when it is detached'],
    [Undying, 'rejects every call after close'],
    [Everlasting, 'drops a message that no receiver took within expiry, and delivers the ones after it'],
    [Everlasting, 'removes a channel without a receiver from its groups after groupExpiry'],
  ])('rejects a layer with the fault %o: "%s"', async (Layer, test) => {
    const { tests } = register((options) => new Layer(options))
    await expect(tests.get(test)!()).rejects.toBeInstanceOf(Error)
  })

  it.concurrent.each([
    [Impatient, 'reaches every member of another process whose groupAdd has resolved, first or not'],
    [Loud, 'gives each message of a general channel to exactly one receiver of all processes'],
  ])('rejects a layer of many processes with the fault %o: "%s"', async (Layer, test) => {
    const { tests } = register((options) => new Layer(new Hub(options), options), {
      makePeer: (layer, options) => new Layer(layer.hub, options),
    })
    await expect(tests.get(test)!()).rejects.toBeInstanceOf(Error)
  })
})
