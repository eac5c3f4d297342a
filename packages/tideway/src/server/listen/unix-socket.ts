import { lstat, unlink } from 'node:fs/promises'
import { connect } from 'node:net'
import { TidewayError } from '../../errors/tideway-error.ts'
import { requireUnixPath } from '../../errors/unix-path.ts'

/**
 * Removes a stale Unix socket, on which no process listens. It never removes a file that is not a socket.
 * @param options `mayBeShared`: keeps a socket on which a process listens, instead of an error. @default false
 * @throws TidewayError `ERR_ADDRESS_TAKEN` if a server listens on the path, or the file is not a socket; `ERR_CANNOT_LISTEN` if the path is
 *   too long for the system
 */
export async function clearUnixSocket(
  path: string,
  { mayBeShared = false }: { readonly mayBeShared?: boolean } = {},
): Promise<void> {
  requireUnixPath(path)
  const found = await lstat(path).catch(absent)
  if (found === undefined) return
  if (!found.isSocket()) {
    throw new TidewayError(
      'ERR_ADDRESS_TAKEN',
      `${path} exists and is not a socket: choose another path, or remove it.`,
    )
  }
  if (await isLive(path)) {
    if (mayBeShared) return
    throw new TidewayError('ERR_ADDRESS_TAKEN', `A server already listens on ${path}: stop it, or choose another path.`)
  }
  await unlink(path).catch(absent)
}

/** Whether a process listens. A socket without permission to connect counts too: it must not be removed. */
function isLive(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path)
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', (error: NodeJS.ErrnoException) => {
      resolve(error.code !== 'ECONNREFUSED' && error.code !== 'ENOENT')
    })
  })
}

function absent(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT') throw error
}
