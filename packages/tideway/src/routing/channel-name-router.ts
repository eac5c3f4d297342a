import type { Application } from '../asgi/application.ts'
import type { ChannelScope } from '../asgi/scope.ts'
import { TidewayError } from '../errors/tideway-error.ts'
import { requireApplication } from './require-application.ts'

/**
 * Calls the application of the channel that the scope names: what a worker runs for each. Rejects with
 * `ERR_NO_APPLICATION` for a channel that has none.
 */
export function channelNameRouter<S extends ChannelScope = ChannelScope>(
  applications: Readonly<Record<string, Application<S>>>,
): Application<S> {
  const byName = new Map(Object.entries(applications))
  for (const [name, application] of byName) requireApplication(application, `The "${name}" of channelNameRouter`)
  return (scope, receive, send) => {
    const application = byName.get(scope.channel)
    return application === undefined ? Promise.reject(noApplication(scope, byName)) : application(scope, receive, send)
  }
}

function noApplication(scope: ChannelScope, byName: ReadonlyMap<string, unknown>): TidewayError {
  // Only JavaScript, or a cast, gets the scope of a connection here.
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
      'Add one under that name, or leave the channel out of those that the worker listens to.',
  )
}
