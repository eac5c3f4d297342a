import type { Logger } from '../asgi/logger.ts'
import type { ChannelLayer, Message } from '../layer/channel-layer.ts'
import type { RunningTask, TaskPayload, TaskRunner } from './task-backend.ts'
import type { TaskDefinition } from './task-definition.ts'
import type { TaskEvents } from './task-events.ts'
import { validateInput } from './task-input.ts'

/** A task with all its options, and with any type of input. */
export type ResolvedTask = TaskDefinition<unknown, unknown, unknown>

type Notice = { readonly [Type in keyof TaskEvents]: { readonly type: Type } & TaskEvents[Type] }[keyof TaskEvents]

/** Calls the handlers of tasks, and sends the results to the recipients in `notify`. */
export class HandlerRunner implements TaskRunner {
  readonly #tasks: ReadonlyMap<string, ResolvedTask>
  readonly #layer: ChannelLayer | undefined
  readonly #logger: Logger

  constructor(tasks: ReadonlyMap<string, ResolvedTask>, layer: ChannelLayer | undefined, logger: Logger) {
    this.#tasks = tasks
    this.#layer = layer
    this.#logger = logger
  }

  async run({ task, id, attempt, payload, signal }: RunningTask): Promise<void> {
    const definition = this.#tasks.get(task)!
    // Validates again, because another version of the program may have queued the job.
    const input = await validateInput(task, definition.input, payload.input)
    const progress = (value: unknown): Promise<void> =>
      this.#notify(payload, { type: 'task.progress', task, id, progress: value })
    const result = await definition.run(input, { id, name: task, attempt, signal, progress })
    // Sent before the job counts as done: two messages are better than none.
    await this.#notify(payload, { type: 'task.done', task, id, result: result ?? null })
  }

  async failed({ task, id, payload }: Pick<RunningTask, 'task' | 'id' | 'payload'>, error: unknown): Promise<void> {
    this.#logger.error({ err: error, task, id }, `The last attempt of the task ${task} failed`)
    await this.#notify(payload, { type: 'task.failed', task, id, error: errorForClients(error) })
  }

  async #notify({ notify }: TaskPayload, notice: Notice): Promise<void> {
    if (notify === undefined || this.#layer === undefined) return
    const message: Message = notice
    try {
      if (notify.group === undefined) await this.#layer.send(notify.channel, message)
      else await this.#layer.groupSend(notify.group, message)
    } catch (error) {
      const { type, task, id } = notice
      this.#logger.warn({ err: error, task, id }, `The message ${type} of the task ${task} could not be sent`)
    }
  }
}

/**
 * The part of an error that clients may read. `expose` is the property of http-errors, which Express and Koa use too. Messages
 * of other errors may contain paths, SQL or keys.
 */
function errorForClients(error: unknown): TaskEvents['task.failed']['error'] {
  if (error instanceof Error && (error as { readonly expose?: unknown }).expose === true) {
    return { name: error.name, message: error.message }
  }
  return { name: 'Error', message: 'The task failed.' }
}
