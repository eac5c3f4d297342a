import type { Logger } from '../asgi/logger.ts'
import type { ChannelLayer, Message } from '../layer/channel-layer.ts'
import type { RunningTask, TaskPayload, TaskRunner } from './task-backend.ts'
import type { TaskDefinition } from './task-definition.ts'
import type { TaskEvents } from './task-events.ts'
import { validateInput } from './task-input.ts'

/** A task with everything filled in, its input of any type. */
export type ResolvedTask = TaskDefinition<unknown, unknown, unknown>

type Notice = { readonly [Type in keyof TaskEvents]: { readonly type: Type } & TaskEvents[Type] }[keyof TaskEvents]

/** Calls the handlers of tasks, and tells those who asked how it went. */
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
    // Validated again: another version of the program may have queued it.
    const input = await validateInput(task, definition.input, payload.input)
    const progress = (value: unknown): Promise<void> =>
      this.#tell(payload, { type: 'task.progress', task, id, progress: value })
    const result = await definition.run(input, { id, name: task, attempt, signal, progress })
    // Before the job counts as done: told twice is better than never.
    await this.#tell(payload, { type: 'task.done', task, id, result: result ?? null })
  }

  async failed({ task, id, payload }: Pick<RunningTask, 'task' | 'id' | 'payload'>, error: unknown): Promise<void> {
    this.#logger.error({ err: error, task, id }, `The task ${task} failed, and is not tried again`)
    await this.#tell(payload, { type: 'task.failed', task, id, error: errorForClients(error) })
  }

  async #tell({ notify }: TaskPayload, notice: Notice): Promise<void> {
    if (notify === undefined || this.#layer === undefined) return
    const message: Message = notice
    try {
      if (notify.group === undefined) await this.#layer.send(notify.channel, message)
      else await this.#layer.groupSend(notify.group, message)
    } catch (error) {
      const { type, task, id } = notice
      this.#logger.warn({ err: error, task, id }, `Nobody could be told of ${type} of the task ${task}`)
    }
  }
}

/**
 * What the audience of a task may read: consumers send it to clients. `expose` is the property of http-errors, which Express and
 * Koa follow as well. Messages of other errors may hold paths, SQL or keys.
 */
function errorForClients(error: unknown): TaskEvents['task.failed']['error'] {
  if (error instanceof Error && (error as { readonly expose?: unknown }).expose === true) {
    return { name: error.name, message: error.message }
  }
  return { name: 'Error', message: 'The task failed.' }
}
