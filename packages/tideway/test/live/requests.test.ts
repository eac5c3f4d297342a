import { StopConsumer } from 'tideway'
import { LiveConsumer, request, RequestError, type LiveGroup } from 'tideway/live'
import type { StandardSchema } from 'tideway/worker'
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { patiently } from '../../../../test/setup/patiently.ts'
import { gate, type Gate } from '../consumer/ending.ts'
import { settled } from '../consumer/following.ts'
import { LiveTest, type LiveClient } from './live-client.ts'
import { Chat, room } from './room.ts'

const chat = Chat.asApplication()

/** The codes of the answers to requests without input. */
async function codes(client: LiveClient, ...names: readonly string[]): Promise<unknown[]> {
  const got: unknown[] = []
  for (const name of names) got.push(((await client.request(name))['error'] as { code: string } | undefined)?.code)
  return got
}

describe('a request', () => {
  it('has the output of its schema, its id, and a signal that aborts at the end of the connection', async () => {
    const seen: unknown[] = []
    let signal: AbortSignal | undefined
    class Seeing extends Chat {
      see = request(z.object({ n: z.string().transform(Number) }), (input, info) => {
        seen.push(input, info.id)
        signal = info.signal
      })
    }
    const client = await new LiveTest().connect(Seeing.asApplication())
    expect(await client.request('see', { n: '7', more: true }, 'c-1')).toEqual({ t: 'answer', id: 'c-1' })
    expect(seen).toEqual([{ n: 7 }, 'c-1'])
    expect(signal!.aborted).toBe(false)
    await client.communicator.disconnect()
    expect(signal!.aborted).toBe(true)
  })

  it('reaches no method and no property that is not a request', async () => {
    class Tempting extends Chat {
      static stolen = request(z.undefined(), () => 'stolen')
      plain = (): string => 'stolen'
      get computed(): unknown {
        return request(z.undefined(), () => 'stolen')
      }
      onPrivate(): string {
        return 'stolen'
      }
      imitation = { schema: z.undefined(), handler: () => 'stolen' }
    }
    const names = [
      'plain',
      'computed',
      'onPrivate',
      'imitation',
      'stolen',
      'publish',
      'close',
      'authorize',
      '__proto__',
      '',
    ]
    const client = await new LiveTest().connect(Tempting.asApplication())
    expect(await codes(client, ...names)).toEqual(names.map(() => 'unknown_request'))
  })

  it('is answered with what the schema refuses', async () => {
    const client = await new LiveTest().connect(chat)
    expect(await client.request('say', { room: 1 })).toMatchObject({
      error: { code: 'bad_input', message: expect.stringMatching(/^room: .*; text: /) as string },
    })
  })

  it('is answered with the code of a RequestError, and with failed for another error, which is logged', async () => {
    const test = new LiveTest()
    const client = await test.connect(chat)
    expect(await client.request('refuse')).toMatchObject({ error: { code: 'room_full', message: 'The room is full.' } })
    expect(test.logger.complaints).toEqual([])
    expect(await client.request('crash')).toMatchObject({ error: { code: 'failed', message: 'The request failed.' } })
    expect(test.logger.complaints).toMatchObject([
      { level: 'error', message: 'Chat failed in the request "crash"', details: { err: { message: 'secret' } } },
    ])
    expect(await client.request('echo', [1])).toMatchObject({ ok: [1] })
  })

  it.each([
    [
      'that throws',
      () => {
        throw new Error('broken schema')
      },
    ],
    ['that rejects', () => Promise.reject(new Error('broken schema'))],
  ])('is answered with failed for a schema %s', async (_what, validate) => {
    const schema: StandardSchema = { '~standard': { version: 1, vendor: 'test', validate } }
    class Broken extends Chat {
      broken = request(schema, () => 1)
    }
    const test = new LiveTest()
    const client = await test.connect(Broken.asApplication())
    expect(await codes(client, 'broken')).toEqual(['failed'])
    expect(test.logger.errors).toHaveLength(1)
  })

  it('ends the connection with 1000 if its handler throws StopConsumer', async () => {
    class Stopping extends Chat {
      stopIt = request(z.undefined(), () => {
        throw new StopConsumer()
      })
    }
    const test = new LiveTest()
    const client = await test.connect(Stopping.asApplication())
    client.send({ t: 'request', id: 'a', m: 'stopIt' })
    expect(await client.communicator.receiveClose()).toMatchObject({ code: 1000 })
    expect(test.logger.complaints).toEqual([])
  })

  it('may publish only into groups that the connection has joined', async () => {
    const client = await new LiveTest().connect(chat)
    const say = { room: 'lobby', text: 'a' }
    expect(await client.request('say', say)).toMatchObject({ error: { code: 'forbidden' } })
    await client.join('room.lobby')
    client.send({ t: 'leave', g: 'room.lobby' })
    await client.next()
    expect(await client.request('say', say)).toMatchObject({ error: { code: 'forbidden' } })
  })

  it('waits for a join that is opening before it publishes', async () => {
    const wait = gate()
    class Waiting extends Chat {
      override authorize({ id }: LiveGroup) {
        return wait.opened.then(() => id === 'open')
      }
    }
    const client = await new LiveTest().connect(Waiting.asApplication())
    client.send({ t: 'join', g: 'room.open' }, { t: 'join', g: 'room.closed' })
    for (const id of ['open', 'closed']) client.send({ t: 'request', id, m: 'say', d: { room: id, text: 'a' } })
    expect(await client.nothing()).toEqual({ t: 'pong' })
    wait.open()
    const frames = await client.take(5)
    expect(frames.find(({ id }) => id === 'open')).toHaveProperty('ok')
    expect(frames.find(({ id }) => id === 'closed')).toMatchObject({ error: { code: 'forbidden' } })
    expect(frames.findIndex(({ t }) => t === 'joined')).toBeLessThan(frames.findIndex(({ e }) => e === 'said'))
  })

  it('starts after the earlier ones of its connection, also if their schemas take longer', async () => {
    const started: string[] = []
    const waits = new Map<string, Gate>()
    const schema: StandardSchema<string> = {
      '~standard': {
        version: 1,
        vendor: 'test',
        validate: async (value) => {
          const text = value as string
          if (text.startsWith('slow')) {
            const wait = gate()
            waits.set(text, wait)
            await wait.opened
          }
          return text === 'slow bad' ? { issues: [{ message: 'bad' }] } : { value: text }
        },
      },
    }
    class Ordered extends Chat {
      begin = request(schema, (text) => started.push(text))
      other = request(z.string(), (text) => started.push(text))
    }
    const client = await new LiveTest().connect(Ordered.asApplication())
    const names = ['slow 1', 'slow bad', 'slow 2', 'quick']
    for (const d of names) client.send({ t: 'request', id: d, m: d === 'quick' ? 'other' : 'begin', d })
    await patiently(() => expect(waits.size).toBe(3))
    await settled()
    expect(started).toEqual([])
    for (const name of ['slow 2', 'slow bad', 'slow 1']) waits.get(name)!.open()
    expect((await client.take(4)).map(({ id }) => id)).toEqual(names)
    expect(started).toEqual(['slow 1', 'slow 2', 'quick'])
  })

  it('counts for maxRequests until it is answered', async () => {
    const waits: Gate[] = []
    class Two extends Chat {
      static override maxRequests = 2
      wait = request(
        z.undefined(),
        async () => {
          const wait = gate()
          waits.push(wait)
          await wait.opened
        },
        { concurrent: true },
      )
    }
    const client = await new LiveTest().connect(Two.asApplication())
    client.send(...['a', 'b', 'c'].map((id) => ({ t: 'request', id, m: 'wait' })))
    expect(await client.next()).toMatchObject({ id: 'c', error: { code: 'rate_limited' } })
    await patiently(() => expect(waits).toHaveLength(2))
    waits[1]!.open()
    expect(await client.next()).toEqual({ t: 'answer', id: 'b' })
    client.send({ t: 'request', m: 'wait' })
    client.send({ t: 'request', id: 'd', m: 'wait' })
    expect(await client.next()).toMatchObject({ id: 'd', error: { code: 'rate_limited' } })
    for (const wait of waits) wait.open()
  })

  it('ends before disconnect() runs', async () => {
    const wait = gate()
    const ends: string[] = []
    class Ending extends Chat {
      wait = request(z.undefined(), async () => {
        await wait.opened
        ends.push('handler')
      })
      override disconnect() {
        ends.push('disconnect')
      }
    }
    const client = await new LiveTest().connect(Ending.asApplication())
    client.send({ t: 'request', m: 'wait' })
    const ended = client.communicator.disconnect()
    await settled()
    wait.open()
    await ended
    expect(ends).toEqual(['handler', 'disconnect'])
  })

  it('is not logged if it ends with its connection', async () => {
    class Listening extends Chat {
      listen = request(
        z.undefined(),
        (_input, { signal }) =>
          new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason))),
      )
    }
    const test = new LiveTest()
    const client = await test.connect(Listening.asApplication())
    client.send({ t: 'request', id: 'a', m: 'listen' })
    expect(await client.nothing()).toEqual({ t: 'pong' })
    await client.communicator.disconnect()
    expect(test.logger.complaints).toEqual([])
  })

  it('publishes the output of the schema of an event', async () => {
    const client = await new LiveTest().connect(chat)
    await client.join('room.lobby')
    client.send({ t: 'request', m: 'say', d: { room: 'lobby', text: 'a', more: 1 } })
    expect(await client.next()).toMatchObject({ d: { text: 'a' } })
    client.send({ t: 'request', m: 'type', d: { room: 'lobby' } })
    expect(await client.next()).toEqual({ g: 'room.lobby', e: 'typing', d: { user: 'ann' } })
  })
})

describe('publish() of a live consumer', () => {
  it('rejects before the connection is accepted', async () => {
    const errors: unknown[] = []
    class Early extends LiveConsumer<{}, {}> {
      override async connect() {
        await this.publish(room('lobby'), 'said', { text: 'a' }).catch((error: unknown) => errors.push(error))
        this.leave(room('lobby'))
        await this.accept()
      }
    }
    await new LiveTest().connect(Early.asApplication())
    expect(errors).toEqual([expect.any(RequestError)])
  })
})
