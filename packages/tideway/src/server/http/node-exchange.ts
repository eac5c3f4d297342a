import type { IncomingMessage, ServerResponse } from 'node:http'
import type { HttpScope } from '../../asgi/scope.ts'
import { NODE_EXTENSION } from '../handshake/scope.ts'

/** Node's own request and response, in the extensions of an HTTP scope. */
export interface NodeExchange {
  readonly request: IncomingMessage
  readonly response: ServerResponse
}

/** Returns the request and response of a scope, or `undefined` if no Node server made the scope. */
export function nodeExchange(scope: HttpScope): NodeExchange | undefined {
  return scope.extensions?.[NODE_EXTENSION] as NodeExchange | undefined
}
