import { ApplicationEnd, callAtEnd, type EndListener } from '../../asgi/application-end.ts'
import type { Application } from '../../asgi/application.ts'
import type { WebSocketScope } from '../../asgi/scope.ts'

/** The arguments of an application. A list and not a closure, which would keep the first scope. */
type Call = Parameters<Application<WebSocketScope>>

/** Calls the application of a connection, and the listener at its end. */
export function runApplication(application: Application<WebSocketScope>, call: Call, listener: EndListener): void {
  let running: Promise<void>
  try {
    running = application(...call)
  } catch (error) {
    running = Promise.reject(error)
  }
  if (running instanceof ApplicationEnd) running.listen(listener)
  // A function that is not async may return `undefined`.
  else callAtEnd(listener, Promise.resolve(running))
}
