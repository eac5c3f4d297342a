import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Application } from '../../asgi/application.ts'
import { setTraits } from '../../asgi/application-traits.ts'
import type { HttpScope } from '../../asgi/scope.ts'
import { TidewayError } from '../../errors/tideway-error.ts'
import { nodeExchange } from './node-exchange.ts'
import { rememberScope } from './scope-of.ts'

/** A listener of Node's HTTP server: an Express application, Koa's `callback()`, Fastify's `routing`, a function. */
export type NodeListener = (request: IncomingMessage, response: ServerResponse) => unknown

/**
 * Makes an HTTP application that calls a Node listener for each request. The server calls the listener directly, without any cost
 * per request. Behind middleware, the application passes it the request that the server put in the scope.
 * @throws TidewayError `ERR_NODE_LISTENER` if its caller is not a Node server
 */
export function nodeListener(listener: NodeListener): Application<HttpScope> {
  const application: Application<HttpScope> = async (scope) => {
    const node = nodeExchange(scope)
    if (node === undefined) {
      throw new TidewayError(
        'ERR_NODE_LISTENER',
        'A nodeListener needs a real request of a Node server: use liveServer() instead of a communicator.',
      )
    }
    rememberScope(node.request, scope)
    const closed = new Promise<void>((resolve) => node.response.once('close', resolve))
    await listener(node.request, node.response)
    await closed
  }
  return setTraits(application, { nodeListener: listener })
}
