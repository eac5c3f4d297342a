import { TidewayClient, type ClientOptions } from './client.ts'
import type { Provided } from './options.ts'

/**
 * Connects to a WebSocket server, and comes back by itself until it is closed, by `close()` or by a close code that
 * means stop. `Out` and `In` are the application's own types of messages, best shared with the consumer.
 *
 * Throws at once what no second attempt would mend: `ERR_BAD_URL`, `ERR_NO_WEBSOCKET`, `ERR_BAD_OPTION`.
 *
 * @example
 * const socket = connect<ClientToServer, ServerToClient>('/ws/chat/lobby/')
 * socket.on('message', ({ message }) => show(message))
 * socket.send({ message: 'Hello' })
 */
export function connect<Out = unknown, In = unknown>(
  url: Provided<string | URL>,
  options?: ClientOptions<Out, In>,
): TidewayClient<Out, In> {
  return new TidewayClient<Out, In>(url, options)
}
