import { promiseHooks } from 'node:v8'
import { describe, expect, it } from 'vitest'
import type { Message } from 'tideway/layer'
import { copyMessage, DEFAULT_CAPACITY_BYTES, Mailbox, type OverflowPolicy } from 'tideway/layer/kit'
import { uncaughtDuring } from './uncaught.ts'

/** A mailbox that writes down what it handles and does what the test says. */
class Desk extends Mailbox<string, string> {
  readonly handled: string[] = []
  readonly failures: unknown[] = []
  /** What each handler call does; nothing where it is not named. */
  readonly does: Record<string, () => void | PromiseLike<void>> = {}

  protected override handleEvent(event: string): void | PromiseLike<void> {
    this.handled.push(event)
    return this.does[event]?.()
  }

  protected override handleMessage(message: string): void | PromiseLike<void> {
    this.handled.push(message)
    return this.does[message]?.()
  }

  override handlerFailed(error: unknown): void {
    this.failures.push(error)
  }
}

/** A handler that runs until it is let go. */
function gate(): { readonly wait: () => Promise<void>; open(): Promise<void>; fail(error: Error): Promise<void> } {
  let resolve!: () => void
  let reject!: (error: Error) => void
  const promise = new Promise<void>((onResolve, onReject) => {
    resolve = onResolve
    reject = onReject
  })
  const settled = (): Promise<void> => new Promise((done) => setImmediate(done))
  return {
    wait: () => promise,
    open: () => (resolve(), settled()),
    fail: (error) => (reject(error), settled()),
  }
}

function open(capacity = 100, overflow?: OverflowPolicy): { desk: Desk; mailbox: Mailbox<string, string> } {
  const desk = new Desk(capacity, overflow)
  return { desk, mailbox: desk }
}

/** A mailbox with a handler that runs, called "held". */
function hold(capacity?: number, overflow?: OverflowPolicy) {
  const opened = open(capacity, overflow)
  const held = gate()
  opened.desk.does['held'] = held.wait
  opened.mailbox.enter('held')
  opened.desk.handled.length = 0
  return { ...opened, held }
}

describe('an idle mailbox', () => {
  it('handles an event and a message inside the call that brings them', () => {
    const { desk, mailbox } = open()
    mailbox.enter('event')
    expect(mailbox.offer('message')).toBe(true)
    expect(desk.handled).toEqual(['event', 'message'])
    expect(mailbox.busy).toBe(false)
  })

  it('creates no promise for handlers that return nothing', () => {
    const { desk, mailbox } = open()
    let made = 0
    const stopCounting = promiseHooks.onInit(() => made++) as () => void
    for (let i = 0; i < 100; i++) {
      mailbox.enter('event')
      mailbox.offer('message')
    }
    stopCounting()
    expect(made).toBe(0)
    expect(desk.handled).toHaveLength(200)
  })

  it('handles the events and messages of a handler after it, and before later ones', () => {
    const { desk, mailbox } = open()
    desk.does['first'] = () => {
      mailbox.offer('from within')
      mailbox.enter('from within, too')
      desk.handled.push('end of first')
    }
    mailbox.offer('first')
    mailbox.offer('later')
    expect(desk.handled).toEqual(['first', 'end of first', 'from within', 'from within, too', 'later'])
  })
})

describe('a busy mailbox', () => {
  it('queues events and messages, and handles them in the order of arrival', async () => {
    const { desk, mailbox, held } = hold()
    mailbox.enter('event 1')
    mailbox.offer('message 2')
    mailbox.offer('message 3')
    mailbox.enter('event 4')
    expect(desk.handled).toEqual([])
    expect(mailbox.busy).toBe(true)
    await held.open()
    expect(desk.handled).toEqual(['event 1', 'message 2', 'message 3', 'event 4'])
    expect(mailbox.busy).toBe(false)
  })

  it('runs one handler at a time', async () => {
    const { desk, mailbox, held } = hold()
    const second = gate()
    desk.does['second'] = second.wait
    mailbox.offer('second')
    mailbox.offer('third')
    await held.open()
    expect(desk.handled).toEqual(['second'])
    expect(mailbox.busy).toBe(true)
    await second.open()
    expect(desk.handled).toEqual(['second', 'third'])
  })

  it('keeps the order of thousands of entries that arrive while others are handled', async () => {
    const { desk, mailbox, held } = hold(10_000)
    const wanted: string[] = []
    const bring = (name: string): void => {
      wanted.push(name)
      if (wanted.length % 3 === 0) mailbox.enter(name)
      else mailbox.offer(name)
    }
    for (let i = 0; i < 3000; i++) {
      const name = String(i)
      // Every third one waits, and every third one brings another.
      if (i % 3 === 1) desk.does[name] = async () => {}
      if (i % 3 === 2) desk.does[name] = () => bring(`brought by ${name}`)
      bring(name)
    }
    await held.open()
    await expect.poll(() => desk.handled.length).toBe(4000)
    expect(desk.handled).toEqual(wanted)
  })

  it('counts the queued events, and not the messages', async () => {
    const { mailbox, held } = hold()
    mailbox.enter('event')
    mailbox.offer('message')
    mailbox.enter('event')
    expect(mailbox.waitingEvents).toBe(2)
    await held.open()
    expect(mailbox.waitingEvents).toBe(0)
  })

  it('settles once for a thenable that calls back twice', async () => {
    const { desk, mailbox } = open()
    const second = gate()
    const then = (onSettled: () => void): void => {
      onSettled()
      setImmediate(onSettled)
    }
    // oxlint-disable-next-line unicorn/no-thenable -- it is what is tested
    desk.does['odd'] = () => ({ then }) as unknown as PromiseLike<void>
    desk.does['second'] = second.wait
    mailbox.offer('odd')
    mailbox.offer('second')
    mailbox.offer('third')
    for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setImmediate(resolve))
    expect(desk.handled).toEqual(['odd', 'second'])
    await second.open()
    expect(desk.handled).toEqual(['odd', 'second', 'third'])
  })
})

describe('a full mailbox', () => {
  it('queues as many messages as its capacity, in addition to the one that is handled, and drops the next', async () => {
    const { desk, mailbox, held } = hold(3)
    expect(['1', '2', '3', '4'].map((message) => mailbox.offer(message))).toEqual([true, true, true, false])
    await held.open()
    expect(desk.handled).toEqual(['1', '2', '3'])
  })

  it('drops the oldest message with drop-oldest, and returns false', async () => {
    const { desk, mailbox, held } = hold(2, 'drop-oldest')
    mailbox.enter('event')
    expect(['1', '2', '3', '4'].map((message) => mailbox.offer(message))).toEqual([true, true, false, false])
    await held.open()
    expect(desk.handled).toEqual(['event', '3', '4'])
  })

  it('never drops an event', async () => {
    const { desk, mailbox, held } = hold(1, 'drop-oldest')
    for (let i = 0; i < 10; i++) mailbox.enter(`event ${i}`)
    mailbox.offer('message')
    for (let i = 0; i < 10; i++) mailbox.enter(`event ${i}`)
    expect(mailbox.waitingEvents).toBe(20)
    await held.open()
    expect(desk.handled).toHaveLength(21)
  })

  it('accepts messages again after it handled one', async () => {
    const { desk, mailbox, held } = hold(1)
    const second = gate()
    desk.does['1'] = second.wait
    mailbox.offer('1')
    expect(mailbox.offer('2')).toBe(false)
    await held.open()
    expect(mailbox.offer('3')).toBe(true)
    expect(mailbox.offer('4')).toBe(false)
    await second.open()
    expect(desk.handled).toEqual(['1', '3'])
  })

  it('uses a capacity that is set while it runs', async () => {
    const { mailbox, held } = hold(1)
    mailbox.offer('1')
    mailbox.capacity = 2
    expect(mailbox.offer('2')).toBe(true)
    expect(mailbox.offer('3')).toBe(false)
    await held.open()
  })
})

describe('the bound of bytes of a mailbox', () => {
  class BytesMailbox extends Mailbox<string, Message> {
    readonly handled: string[] = []

    protected override handleEvent(): Promise<void> {
      return new Promise((resolve) => setImmediate(resolve))
    }

    protected override handleMessage(message: Message): void {
      this.handled.push(message.type)
    }

    protected override handlerFailed(): void {}
  }

  const messageOf = (type: string, bytes: number): Message => copyMessage({ type, bytes: new Uint8Array(bytes) })

  function hold(overflow: OverflowPolicy, capacityBytes?: number): BytesMailbox {
    const mailbox = new BytesMailbox(100, overflow, capacityBytes)
    mailbox.enter('held')
    return mailbox
  }

  it('drops the next message, and accepts messages again after it handled the queue', async () => {
    const mailbox = hold('drop-newest')
    const half = messageOf('half', DEFAULT_CAPACITY_BYTES / 2)
    expect([half, half, messageOf('small', 1)].map((message) => mailbox.offer(message))).toEqual([true, true, false])
    await expect.poll(() => mailbox.busy).toBe(false)
    expect(mailbox.handled).toEqual(['half', 'half'])
    mailbox.enter('held')
    expect([half, half, half].map((message) => mailbox.offer(message))).toEqual([true, true, false])
  })

  it('drops the oldest message if that frees enough bytes, else the new message', async () => {
    const mailbox = hold('drop-oldest', 10_000)
    const offered = [messageOf('1', 9000), messageOf('2', 9000), messageOf('3', 20_000), messageOf('4', 10)]
    expect(offered.map((message) => mailbox.offer(message))).toEqual([true, true, false, false])
    await expect.poll(() => mailbox.busy).toBe(false)
    expect(mailbox.handled).toEqual(['2', '3'])
  })

  it('does not count messages under 1 KiB', () => {
    const mailbox = hold('drop-newest', 1024)
    const small = messageOf('small', 900)
    for (let queued = 0; queued < 100; queued++) expect(mailbox.offer(small)).toBe(true)
    expect(mailbox.offer(small)).toBe(false)
  })
})

describe('a mailbox whose handler throws or rejects', () => {
  it('reports the error to its owner, and handles the queue', async () => {
    const { desk, mailbox } = open()
    const thrown = new Error('thrown')
    const rejected = new Error('rejected')
    const held = gate()
    desk.does['throws'] = () => {
      mailbox.offer('after the throw')
      throw thrown
    }
    desk.does['rejects'] = held.wait
    mailbox.offer('throws')
    mailbox.offer('rejects')
    mailbox.enter('last')
    await held.fail(rejected)
    expect(desk.failures).toEqual([thrown, rejected])
    expect(desk.handled).toEqual(['throws', 'after the throw', 'rejects', 'last'])
  })

  it('ends if its owner closes it at the error', () => {
    const { desk, mailbox } = open()
    desk.does['throws'] = () => {
      mailbox.offer('waits')
      throw new Error('thrown')
    }
    desk.handlerFailed = () => mailbox.close()
    mailbox.offer('throws')
    expect(desk.handled).toEqual(['throws'])
  })

  it('stays consistent if its owner throws too, which is an uncaught error', async () => {
    const { desk, mailbox } = open()
    const second = new Error('second')
    desk.does['throws'] = () => {
      mailbox.offer('waits')
      throw new Error('first')
    }
    desk.handlerFailed = () => {
      throw second
    }
    const uncaught = await uncaughtDuring(async () => {
      mailbox.offer('throws')
      mailbox.offer('later')
      await new Promise((resolve) => setImmediate(resolve))
    })
    expect(uncaught).toEqual([second])
    expect(desk.handled).toEqual(['throws', 'waits', 'later'])
  })
})

describe('a closed mailbox', () => {
  it('drops its queue and accepts nothing more, while the running handler continues', async () => {
    const { desk, mailbox, held } = hold()
    mailbox.enter('event')
    mailbox.offer('message')
    mailbox.close()
    mailbox.enter('event')
    expect(mailbox.offer('message')).toBe(false)
    expect(mailbox.waitingEvents).toBe(0)
    expect(mailbox.busy).toBe(true)
    await held.open()
    expect(mailbox.busy).toBe(false)
    expect(desk.handled).toEqual([])
  })

  it('reports the error of the handler that still ran', async () => {
    const { desk, mailbox, held } = hold()
    const error = new Error('late')
    mailbox.close()
    await held.fail(error)
    expect(desk.failures).toEqual([error])
  })

  it('can be closed by a handler', () => {
    const { desk, mailbox } = open()
    desk.does['closes'] = () => {
      mailbox.offer('waits')
      mailbox.close()
    }
    mailbox.offer('closes')
    mailbox.offer('later')
    expect(desk.handled).toEqual(['closes'])
  })
})

describe('whenDrained()', () => {
  it('resolves for all callers when the next queued event starts', async () => {
    const { desk, mailbox, held } = hold()
    const first = gate()
    desk.does['first'] = first.wait
    mailbox.enter('first')
    mailbox.enter('second')
    const resolved: string[] = []
    void mailbox.whenDrained().then(() => resolved.push('a'))
    void mailbox.whenDrained().then(() => resolved.push('b'))
    await Promise.resolve()
    expect(resolved).toEqual([])
    await held.open()
    expect(resolved).toEqual(['a', 'b'])
    void mailbox.whenDrained().then(() => resolved.push('c'))
    await Promise.resolve()
    expect(resolved).toEqual(['a', 'b'])
    await first.open()
    expect(resolved).toEqual(['a', 'b', 'c'])
  })

  it('resolves at once if no event is queued, and when the mailbox is closed', async () => {
    const { mailbox } = hold()
    await expect(mailbox.whenDrained()).resolves.toBeUndefined()
    mailbox.enter('event')
    const room = mailbox.whenDrained()
    mailbox.close()
    await expect(room).resolves.toBeUndefined()
    await expect(mailbox.whenDrained()).resolves.toBeUndefined()
  })
})
