import { ApplicationEnd, type EndListener } from '../../asgi/application-end.ts'
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
  else callAtEnd(running, listener)
}

/** In a function of its own, so that the connection of a consumer does not keep a context for these functions. */
function callAtEnd(running: Promise<void>, listener: EndListener): void {
  // A function that is not async may return `undefined`.
  Promise.resolve(running).then(
    () => listener.applicationReturned(),
    (error: unknown) => listener.applicationThrew(error),
  )
}
