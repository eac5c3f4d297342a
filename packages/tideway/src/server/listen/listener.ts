import cluster from 'node:cluster'
import { chmod } from 'node:fs/promises'
import type { ListenOptions, Server } from 'node:net'
import { Server as TlsServer } from 'node:tls'
import { isMainThread } from 'node:worker_threads'
import { DEFAULT_HOST, DEFAULT_PORT, withoutBrackets, type ListenTarget, type ServerAddress } from './listen-target.ts'
import { clearUnixSocket } from './unix-socket.ts'

/** The connections that the kernel completes before the process accepts them. A reconnect storm must not be refused. */
const LISTEN_BACKLOG = 4096

/**
 * Makes the server listen on a target, and resolves with its address.
 * @param exclusive whether the workers of a cluster do not share the port
 * @throws TidewayError `ERR_ADDRESS_TAKEN` for a Unix socket; Node's own error, such as `EADDRINUSE`, for the others
 */
export async function listenAt(server: Server, target: ListenTarget, exclusive = false): Promise<ServerAddress> {
  if ('path' in target) await listenAtPath(server, target.path, target.mode)
  else if ('fd' in target) await listen(server, { fd: target.fd, backlog: LISTEN_BACKLOG })
  else {
    const { host = DEFAULT_HOST, port = DEFAULT_PORT } = target
    await listen(server, { host: withoutBrackets(host), port, backlog: LISTEN_BACKLOG, exclusive })
  }
  return addressOf(server)
}

async function listenAtPath(server: Server, path: string, mode: number | undefined): Promise<void> {
  // In a cluster the primary binds the socket once for all workers: another worker may already listen.
  await clearUnixSocket(path, { mayBeShared: cluster.isWorker })
  const options = { path, backlog: LISTEN_BACKLOG }
  if (mode === undefined) {
    await listen(server, options)
    return
  }
  // The file must never have more permissions, not even briefly. Only the main thread can set the umask.
  const umask = isMainThread ? process.umask(ALL_PERMISSIONS & ~mode) : undefined
  const listening = listen(server, options)
  if (umask !== undefined) process.umask(umask)
  await listening
  await chmod(path, mode)
}

const ALL_PERMISSIONS = 0o777

function listen(
  server: Server,
  options: ListenOptions | { readonly fd: number; readonly backlog: number },
): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(options, () => {
      server.removeListener('error', reject)
      resolve()
    })
  })
}

function addressOf(server: Server): ServerAddress {
  const address = server.address()
  // The system may report no name for an inherited Unix socket.
  if (address === null || typeof address === 'string') return { path: address ?? '', url: `unix:${address ?? ''}` }
  const { address: host, port, family } = address
  const scheme = server instanceof TlsServer ? 'https' : 'http'
  return { host, port, url: `${scheme}://${family === 'IPv6' ? `[${host}]` : host}:${port}` }
}
