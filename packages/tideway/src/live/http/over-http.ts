import type { WebSocketScope } from '../../asgi/scope.ts'
import type { User } from '../../asgi/user.ts'

/** How a client without a WebSocket reaches a live consumer. A body of requests has no joins. */
export type HttpTransport = 'stream' | 'poll' | 'requests'

/** A connection over HTTP, for its consumer: in the `extensions` of its WebSocket scope. */
export interface OverHttp {
  readonly transport: HttpTransport
  /** How long a person who polls stays present after the poll. */
  readonly presenceLeaseMs: number
  /** Whether the user of the scope may make this call. */
  mayCall(scope: ClientOfCall): boolean
}

/** The client of a call. */
export type ClientOfCall = Pick<WebSocketScope, 'client'> & { readonly user?: User | undefined }

/** The key of {@link OverHttp} in the `extensions` of a WebSocket scope; absent for a WebSocket. */
export const LIVE_EXTENSION = 'tideway.live'

/** The HTTP side of a connection; `undefined` for a WebSocket. */
export function overHttpOf({ extensions }: Pick<WebSocketScope, 'extensions'>): OverHttp | undefined {
  return extensions?.[LIVE_EXTENSION] as OverHttp | undefined
}
