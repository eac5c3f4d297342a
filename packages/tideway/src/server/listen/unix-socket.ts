import { lstat, unlink } from 'node:fs/promises'
import { connect } from 'node:net'
import { TidewayError } from '../../errors/tideway-error.ts'

/**
 * Makes way for a Unix socket: removes one that a process has left behind that nobody listens on. What is no socket is
 * never removed.
 * @param options `mayBeShared`: one that somebody listens on is left as it is. @default false
 * @throws TidewayError `ERR_ADDRESS_TAKEN` if a server listens there, or something else has that name; `ERR_CANNOT_LISTEN` if the path is
 *   too long for the system
 */
export async function clearUnixSocket(
  path: string,
  { mayBeShared = false }: { readonly mayBeShared?: boolean } = {},
): Promise<void> {
  requireShort(path)
  const found = await lstat(path).catch(absent)
  if (found === undefined) return
  if (!found.isSocket()) {
    throw new TidewayError('ERR_ADDRESS_TAKEN', `${path} is there and is no socket: name another path, or remove it.`)
  }
  if (await isLive(path)) {
    if (mayBeShared) return
    throw new TidewayError('ERR_ADDRESS_TAKEN', `A server listens on ${path} already: stop it, or name another path.`)
  }
  await unlink(path).catch(absent)
}

/** libuv cuts a longer path off, and would listen under another name (`sun_path` without its final zero, unix(7)). */
const MAX_PATH_BYTES = process.platform === 'darwin' ? 103 : 107

function requireShort(path: string): void {
  const bytes = Buffer.byteLength(path)
  if (bytes <= MAX_PATH_BYTES) return
  throw new TidewayError(
    'ERR_CANNOT_LISTEN',
    `Cannot listen on ${path}: its path has ${bytes} bytes, and this system allows ${MAX_PATH_BYTES} for a Unix socket. Choose a ` +
      'shorter one.',
  )
}

/** Whether somebody listens. A socket that may not be connected to counts: it is not ours to remove. */
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
