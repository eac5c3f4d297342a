import type { ServerResponse } from 'node:http'
import type { Logger } from '../../asgi/logger.ts'
import { Http2Socket } from '../http2/http2-socket.ts'
import type { BufferHolder } from '../transport/buffered-bytes.ts'

/** What the requests and responses keep that have not ended. */
export function* httpBuffers(responses: Iterable<ServerResponse>, logger: Logger): Iterable<BufferHolder> {
  for (const response of responses) {
    const bufferedBytes = bytesOf(response)
    if (bufferedBytes === 0) continue
    yield {
      bufferedBytes,
      discard() {
        logger.warn(
          { bytes: bufferedBytes },
          'The server keeps too many bytes: destroyed the HTTP connection with the most.',
        )
        response.req.socket.destroy()
      },
    }
  }
}

/** The body of the request that the application has not read, and what the client has not read of the response. */
function bytesOf({ req: request, socket, writableLength }: ServerResponse): number {
  const ofStream = (socket as unknown) instanceof Http2Socket ? (socket as unknown as Http2Socket).unsentBytes : 0
  return request.readableLength + writableLength + ofStream
}
