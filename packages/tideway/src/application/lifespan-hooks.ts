import type { Application } from '../asgi/application.ts'
import type { LifespanScope } from '../asgi/scope.ts'
import { readableError } from '../errors/readable-error.ts'

/** What an application does when its process begins and when it ends. */
export interface LifespanHooks {
  /** Before the first connection. What is put into the state, every connection finds as `scope.state`. A throw ends the process. */
  readonly startup?: (state: Record<string, unknown>) => void | Promise<void>
  /** After the last connection. */
  readonly shutdown?: (state: Record<string, unknown>) => void | Promise<void>
}

/**
 * The lifespan application that calls these functions.
 * @example defineApplication({ lifespan: lifespanHooks({ async startup(state) { state.database = await open() } }), … })
 */
export function lifespanHooks({ startup, shutdown }: LifespanHooks): Application<LifespanScope> {
  return async ({ state = {} }, receive, send) => {
    for (;;) {
      const { type } = await receive()
      if (type === 'lifespan.startup') {
        try {
          await startup?.(state)
        } catch (error) {
          await send({ type: 'lifespan.startup.failed', message: messageOf(error) })
          return
        }
        await send({ type: 'lifespan.startup.complete' })
        continue
      }
      try {
        await shutdown?.(state)
        await send({ type: 'lifespan.shutdown.complete' })
      } catch (error) {
        await send({ type: 'lifespan.shutdown.failed', message: messageOf(error) })
      }
      return
    }
  }
}

function messageOf(thrown: unknown): string {
  const error = readableError(thrown)
  return error instanceof Error ? (error.stack ?? error.message) : String(error)
}
