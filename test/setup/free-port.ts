import { once } from 'node:events'
import { createServer } from 'node:net'

/**
 * A TCP port of the loopback interface that was free a moment ago. For programs that cannot be told to listen on port
 * 0: another process may take the port in between, so prefer 0 where possible.
 */
export async function freePort(): Promise<number> {
  const server = createServer()
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('A TCP server has an address and a port.')
  server.close()
  await once(server, 'close')
  return address.port
}
