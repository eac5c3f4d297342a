import type { Application } from '../asgi/application.ts'
import type { ChannelScope } from '../asgi/scope.ts'
import { TidewayError } from '../errors/tideway-error.ts'
import { requireApplication } from './require-application.ts'

/**
 * Returns an application that calls the application of `scope.channel`. A worker runs it once per channel. It rejects with
 * `ERR_NO_APPLICATION` if the channel has none.
 */
export function channelNameRouter<S extends ChannelScope = ChannelScope>(
  applications: Readonly<Record<string, Application<S>>>,
): Application<S> {
  const byName = new Map(Object.entries(applications))
  for (const [name, application] of byName) requireApplication(application, `The "${name}" of channelNameRouter`)
  return function channelNameRouter(scope, receive, send) {
    const application = byName.get(scope.channel)
    return application === undefined ? Promise.reject(noApplication(scope, byName)) : application(scope, receive, send)
  }
}

function noApplication(scope: ChannelScope, byName: ReadonlyMap<string, unknown>): TidewayError {
  // Only JavaScript code, or a cast, can pass the scope of a connection.
  if ((scope.channel as string | undefined) === undefined) {
    return new TidewayError(
      'ERR_NO_APPLICATION',
      `channelNameRouter was called with the scope type ${JSON.stringify(scope.type)}, which names no channel: ` +
        'give the router to protocolTypeRouter, as its "channel".',
    )
  }
  const configured = [...byName.keys()].join(', ') || 'nothing'
  return new TidewayError(
    'ERR_NO_APPLICATION',
    `No application for the channel ${JSON.stringify(scope.channel)}: channelNameRouter has ${configured}. ` +
      'Add one under that name, or remove the channel from the list that the worker listens to.',
  )
}
