import {
  channelNameRouter,
  Consumer,
  defineApplication,
  InMemoryChannelLayer,
  TidewayError,
  type Application,
  type ChannelLayer,
} from 'tideway'
import type { ChannelScope, Logger } from 'tideway/asgi'
import { Worker, type WorkerOptions } from 'tideway/worker'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'

import { jobEnd } from '../../src/asgi/channel-events.ts'
import { Hub, HubChannelLayer } from '../layer/hub-channel-layer.ts'
import { patiently } from '../../../../test/setup/patiently.ts'

type Job = {
  readonly type: string
  readonly id: number
}

const error = vi.fn<Logger['error']>()
const info = vi.fn<Logger['info']>()
const logger: Logger = { debug() {}, info, warn() {}, error }
const running: Promise<void>[] = []
const workers: Worker[] = []

/** Begins to work; stopped after the test. */
function start(
  channelLayer: ChannelLayer,
  application: Application<ChannelScope>,
  options: Partial<WorkerOptions> = {},
): { worker: Worker; ended: Promise<void> } {
  const worker = new Worker({ application, channels: ['jobs'], channelLayer, logger, ...options })
  const ended = worker.run()
  ended.catch(() => {})
  workers.push(worker)
  running.push(ended)
  return { worker, ended }
}

/** An application whose jobs wait until they are told to end, in any order. */
function makeGate() {
  const begun: number[] = []
  const ends = new Map<number, () => void>()
  const application: Application<ChannelScope> = async (_scope, receive) => {
    const { id } = (await receive()) as unknown as Job
    begun.push(id)
    await new Promise<void>((resolve) => ends.set(id, resolve))
  }
  return { begun, application, end: (id: number) => ends.get(id)!() }
}

const job = (id: number): Job => ({ type: 'job', id })

let layer: InMemoryChannelLayer

beforeEach(() => {
  layer = new InMemoryChannelLayer()
})

afterEach(async () => {
  await Promise.all(workers.splice(0).map((worker) => worker.stop()))
  await Promise.allSettled(running.splice(0))
  await layer.close()
  error.mockClear()
  info.mockClear()
})

describe('a worker with a time limit for jobs', () => {
  it('counts a job over the limit as failed, and starts the next one', async () => {
    const { begun, application, end } = makeGate()
    const { worker } = start(layer, application, { jobTimeoutMs: 1000 })
    await layer.send('jobs', job(1))
    await layer.send('jobs', job(2))
    await expect.poll(() => begun).toEqual([1, 2])
    end(2)
    await expect.poll(() => worker.stats).toEqual({ running: 0, done: 1, failed: 1 })
    expect(error).toHaveBeenCalledExactlyOnceWith(
      expect.objectContaining({ err: expect.objectContaining({ code: 'ERR_APPLICATION_TIMEOUT' }) as Error }),
      'A job of jobs failed and is lost',
    )
    // What the first one does at last is of no interest any more.
    end(1)
    expect(worker.stats).toEqual({ running: 0, done: 1, failed: 1 })
  })

  it.each([0, -1, 1.5, 2 ** 31])('refuses the limit %s', (jobTimeoutMs) => {
    expect(() => start(layer, makeGate().application, { jobTimeoutMs })).toThrow('jobTimeoutMs must be a whole number')
  })
})

describe('a worker', () => {
  it('calls the application once for each job, with the scope of its channel', async () => {
    const scopes: ChannelScope[] = []
    const received: unknown[] = []
    const { worker } = start(
      layer,
      async (scope, receive) => {
        scopes.push(scope)
        received.push(await receive(), await receive())
      },
      { channels: ['jobs', 'others'] },
    )
    await layer.send('jobs', { type: 'job', id: 1 })
    await layer.send('others', { type: 'job', id: 2 })
    await patiently(() => expect(worker.stats).toEqual({ running: 0, done: 2, failed: 0 }))
    expect(scopes).toMatchObject([
      { type: 'channel', channel: 'jobs' },
      { type: 'channel', channel: 'others' },
    ])
    expect(Object.getPrototypeOf(scopes[0]!.logger)).toBe(logger)
    expect(received).toEqual([{ type: 'job', id: 1 }, jobEnd, { type: 'job', id: 2 }, jobEnd])
  })

  it('creates one consumer per job, which ends after it', async () => {
    const handled: object[] = []
    const ended: object[] = []
    class ThumbnailConsumer extends Consumer {
      async onThumbnailMake() {
        await Promise.resolve()
        expect(this.signal.aborted).toBe(false)
        handled.push(this)
      }
      protected override handleEnd() {
        ended.push(this)
      }
    }
    const application = defineApplication({
      channelLayers: { default: layer },
      channel: channelNameRouter({ jobs: ThumbnailConsumer.asApplication() }),
    })
    const { worker } = start(layer, application)
    for (let id = 0; id < 5; id++) await layer.send('jobs', { type: 'thumbnail.make', id })
    await patiently(() => expect(worker.stats.done).toBe(5))
    expect(new Set(handled).size).toBe(5)
    expect(ended).toEqual(handled)
  })

  it('runs jobs of a channel up to the concurrency, in order, and leaves the others in the layer', async () => {
    const gate = makeGate()
    const { worker } = start(layer, gate.application, { concurrency: 2 })
    for (let id = 0; id < 4; id++) await layer.send('jobs', job(id))
    await patiently(() => expect(gate.begun).toEqual([0, 1]))
    expect(worker.stats.running).toBe(2)
    // No worker has requested the third yet, so another worker could.
    expect(await layer.receive('jobs')).toEqual(job(2))
    gate.end(1)
    await patiently(() => expect(gate.begun).toEqual([0, 1, 3]))
    gate.end(0)
    gate.end(3)
    await patiently(() => expect(worker.stats).toEqual({ running: 0, done: 3, failed: 0 }))
  })

  it('does not delay a channel by another busy one', async () => {
    const gate = makeGate()
    start(layer, gate.application, { channels: ['slow', 'jobs'] })
    await layer.send('slow', job(1))
    await patiently(() => expect(gate.begun).toEqual([1]))
    await layer.send('jobs', job(2))
    await patiently(() => expect(gate.begun).toEqual([1, 2]))
    gate.end(1)
    gate.end(2)
  })

  it('gives each job to one of several workers', async () => {
    const hub = new Hub({ capacity: 1000 })
    const layers = Array.from({ length: 3 }, () => new HubChannelLayer(hub))
    const done: number[] = []
    for (const each of layers) {
      start(
        each,
        async (_scope, receive) => {
          const { id } = (await receive()) as unknown as Job
          await new Promise((resolve) => setImmediate(resolve))
          done.push(id)
        },
        { concurrency: 4 },
      )
    }
    const ids = Array.from({ length: 300 }, (_, id) => id)
    for (const id of ids) await layers[id % 3]!.send('jobs', job(id))
    await patiently(() => expect(done).toHaveLength(300))
    expect(done.toSorted((a, b) => a - b)).toEqual(ids)
    await Promise.all(workers.map((worker) => worker.stop()))
    await Promise.all(layers.map((each) => each.close()))
  })
})

describe('a failed job', () => {
  it('is reported and lost without affecting other jobs', async () => {
    class FragileConsumer extends Consumer {
      onJob({ id }: Job) {
        if (id === 2) throw new RangeError('two')
      }
    }
    const { worker } = start(layer, FragileConsumer.asApplication())
    for (let id = 1; id <= 4; id++) await layer.send('jobs', job(id))
    await patiently(() => expect(worker.stats).toEqual({ running: 0, done: 3, failed: 1 }))
    expect(error).toHaveBeenCalledExactlyOnceWith(
      { err: expect.objectContaining({ message: 'two' }) as Error, channel: 'jobs', type: 'job' },
      'A job of jobs failed and is lost',
    )
  })

  it('may be a plain function that throws before it returns a promise, or that sends', async () => {
    const { worker } = start(
      layer,
      () => {
        throw new Error('at once')
      },
      { channels: ['jobs'] },
    )
    const sender = start(layer, async (_scope, _receive, send) => (send as (event: object) => void)({}), {
      channels: ['sends'],
    })
    await layer.send('jobs', job(1))
    await layer.send('sends', job(1))
    await patiently(() => expect(worker.stats.failed + sender.worker.stats.failed).toBe(2))
    const errors = error.mock.calls.map(([details]) => (details as { err: Error }).err)
    expect(errors).toContainEqual(expect.objectContaining({ message: 'at once' }))
    expect(errors).toContainEqual(expect.objectContaining({ code: 'ERR_OUT_OF_TURN' }))
  })

  it('ends the worker if the application has no route for its channel', async () => {
    const { worker, ended } = start(layer, channelNameRouter({ others: async () => {} }), {
      channels: ['jobs', 'others'],
    })
    await layer.send('jobs', job(1))
    await expect(ended).rejects.toThrow(
      expect.objectContaining({
        code: 'ERR_NO_APPLICATION',
        message: expect.stringMatching('No application for the channel "jobs"') as string,
      }),
    )
    await layer.send('jobs', job(2))
    expect(await layer.receive('jobs')).toEqual(job(2))
    expect(worker.stats).toEqual({ running: 0, done: 0, failed: 1 })
  })
})

describe('stop() of a worker', () => {
  it('finishes running jobs and receives no more', async () => {
    const gate = makeGate()
    const { worker, ended } = start(layer, gate.application)
    await layer.send('jobs', job(1))
    await layer.send('jobs', job(2))
    await patiently(() => expect(gate.begun).toEqual([1]))
    const stopped = worker.stop()
    gate.end(1)
    await stopped
    await ended
    expect(worker.stats).toEqual({ running: 0, done: 1, failed: 0 })
    expect(await layer.receive('jobs')).toEqual(job(2))
  })

  it('abandons and reports jobs that do not end in time', async () => {
    const gate = makeGate()
    const { worker, ended } = start(layer, gate.application, { stopTimeoutMs: 20 })
    await layer.send('jobs', job(1))
    await patiently(() => expect(gate.begun).toEqual([1]))
    await worker.stop()
    await ended
    expect(error).toHaveBeenCalledExactlyOnceWith(
      { jobs: [{ channel: 'jobs', type: 'job' }] },
      '1 jobs still run 20 ms after the stop of the worker, and are abandoned',
    )
    gate.end(1)
  })

  it('resolves for a worker that never ran', async () => {
    const worker = new Worker({ application: async () => {}, channels: ['jobs'], channelLayer: layer })
    await worker.stop()
    expect(worker.stats).toEqual({ running: 0, done: 0, failed: 0 })
  })
})

describe('a worker with a failing layer', () => {
  it('retries, and logs the failure and the recovery once', async () => {
    const receive = vi.spyOn(layer, 'receive')
    const unavailable = new TidewayError('ERR_LAYER_UNAVAILABLE', 'Redis is gone.')
    receive.mockRejectedValueOnce(unavailable).mockRejectedValueOnce(unavailable)
    const { worker } = start(layer, async () => {})
    await layer.send('jobs', job(1))
    await patiently(() => expect(worker.stats.done).toBe(1))
    expect(error).toHaveBeenCalledExactlyOnceWith(
      { err: unavailable, channel: 'jobs' },
      'Cannot listen to jobs, retrying',
    )
    expect(info).toHaveBeenCalledExactlyOnceWith({ channel: 'jobs' }, 'Listening to jobs again')
  })

  it('stops although the layer fails', async () => {
    vi.spyOn(layer, 'receive').mockRejectedValue(new Error('gone'))
    const { worker } = start(layer, async () => {})
    await patiently(() => expect(error).toHaveBeenCalled())
    await worker.stop()
  })

  it('rejects if the layer is closed, or the channel has another receiver', async () => {
    const { ended } = start(layer, async () => {})
    await layer.close()
    await expect(ended).rejects.toThrow(expect.objectContaining({ code: 'ERR_LAYER_CLOSED' }))
    layer = new InMemoryChannelLayer()
    layer.attach('jobs', { deliver: () => 'delivered' })
    await expect(start(layer, async () => {}).ended).rejects.toThrow(
      expect.objectContaining({ code: 'ERR_CHANNEL_TAKEN' }),
    )
  })
})

describe('the options of a worker', () => {
  it('are validated', () => {
    const make = (options: Partial<WorkerOptions>) => () =>
      new Worker({ application: async () => {}, channels: ['jobs'], channelLayer: layer, ...options })
    expect(make({ channels: [] })).toThrow('at least one channel')
    expect(make({ channels: ['no spaces'] })).toThrow('Channel name "no spaces"')
    expect(make({ concurrency: 0 })).toThrow('concurrency must be a whole number from 1 to 10000, not 0.')
    expect(make({ stopTimeoutMs: -1 })).toThrow('stopTimeoutMs')
  })
})
