import { randomUUID } from 'node:crypto'

import type { ChannelLayer } from 'tideway'
import { RequestError } from 'tideway/live'

import { batched } from './batched.ts'
import { fakeModel } from './model.ts'
import { run } from './run.ts'

/** The runs of this process at a time. */
const MAX_RUNS = 100

interface Question {
  readonly prompt: string
  readonly words: number
}

type Reason = 'complete' | 'stopped' | 'failed'

/** The runs of this process: a function that ends one, and the promise of its end. */
const running = new Map<(reason: Reason) => void, Promise<void>>()

/** Starts a run, which needs no connection from now on. Returns its id. */
export async function startRun(layer: ChannelLayer, question: Question): Promise<string> {
  if (running.size >= MAX_RUNS) throw new RequestError('busy', 'Too many answers are being written. Try again later.')
  const id = randomUUID()
  const controller = new AbortController()
  let reason: Reason = 'complete'
  const end = (why: Reason): void => {
    reason = why
    controller.abort()
  }

  async function answer(): Promise<void> {
    const channel = layer.newChannel('run')
    layer.attach(channel, {
      deliver() {
        end('stopped')
        return 'delivered'
      },
    })
    try {
      await layer.groupAdd(`cancel.${id}`, channel)
      for await (const text of batched(fakeModel(question, controller.signal))) {
        await run(id).publish(layer, 'text', { text })
      }
    } catch (error) {
      if (!controller.signal.aborted) {
        console.error('The run', id, 'has failed:', error)
        reason = 'failed'
      }
    } finally {
      // Also after an event that was not published: the model would continue.
      controller.abort()
      await layer.detach(channel)
    }
    await run(id).publish(layer, 'done', { reason })
  }

  await run(id).publish(layer, 'started', { prompt: question.prompt })
  const ended = answer()
    .catch((error: unknown) => console.error('The end of the run', id, 'was not published:', error))
    .finally(() => running.delete(end))
  running.set(end, ended)
  return id
}

/** Stops a run of any process: the request for it may reach another one than the request that has started it. */
export async function cancelRun(layer: ChannelLayer, id: string): Promise<void> {
  await layer.groupSend(`cancel.${id}`, { type: 'run.cancel' })
}

/** Ends the runs of this process as failed. Resolves when their last events are published. */
export async function endRuns(): Promise<void> {
  const ended = [...running.values()]
  for (const end of running.keys()) end('failed')
  await Promise.all(ended)
}
