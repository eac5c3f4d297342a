import type { ServerResponse } from 'node:http'
import type { Logger } from '../../asgi/logger.ts'
import { Http2Socket } from '../http2/http2-socket.ts'
import type { BufferHolder } from '../transport/buffered-bytes.ts'

/** Yields the buffers of unfinished requests and responses. */
export function* httpBuffers(responses: Iterable<ServerResponse>, logger: Logger): Iterable<BufferHolder> {
  for (const response of responses) {
    const bufferedBytes = bytesOf(response)
    if (bufferedBytes === 0) continue
    yield {
      bufferedBytes,
      discard() {
        logger.warn(
          { bytes: bufferedBytes },
          'The server keeps too many bytes: destroyed the HTTP connection with the most bytes',
        )
        response.req.socket.destroy()
      },
    }
  }
}

/** Adds up the request body that the application has not read and the response that the client has not read. */
function bytesOf({ req: request, socket, writableLength }: ServerResponse): number {
  const ofStream = (socket as unknown) instanceof Http2Socket ? (socket as unknown as Http2Socket).unsentBytes : 0
  return request.readableLength + writableLength + ofStream
}
