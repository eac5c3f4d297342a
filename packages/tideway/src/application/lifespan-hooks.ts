import type { Application } from '../asgi/application.ts'
import type { LifespanScope } from '../asgi/scope.ts'
import { readableError } from '../errors/readable-error.ts'

/** Functions that run at the start and the end of a process. */
export interface LifespanHooks {
  /** Runs before the first connection. Every connection finds the state as `scope.state`. An error ends the process. */
  readonly startup?: (state: Record<string, unknown>) => void | Promise<void>
  /** Runs after the last connection. */
  readonly shutdown?: (state: Record<string, unknown>) => void | Promise<void>
}

/**
 * Returns the lifespan application that calls these functions.
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
