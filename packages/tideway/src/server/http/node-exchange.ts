import type { IncomingMessage, ServerResponse } from 'node:http'
import type { HttpScope } from '../../asgi/scope.ts'
import { NODE_EXTENSION } from '../handshake/scope.ts'

/** Node's own request and response, which a server puts into the extensions of an HTTP scope. */
export interface NodeExchange {
  readonly request: IncomingMessage
  readonly response: ServerResponse
}

/** The request and response behind a scope; `undefined` for one that no Node server has made. */
export function nodeExchange(scope: HttpScope): NodeExchange | undefined {
  return scope.extensions?.[NODE_EXTENSION] as NodeExchange | undefined
}
