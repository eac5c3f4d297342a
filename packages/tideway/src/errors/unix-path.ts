import { TidewayError } from './tideway-error.ts'

/** libuv truncates a longer path, and would listen under another name (`sun_path` without its final zero, unix(7)). */
const MAX_PATH_BYTES = process.platform === 'darwin' ? 103 : 107

/** @throws TidewayError `ERR_CANNOT_LISTEN` if the path is too long for a Unix socket of the system */
export function requireUnixPath(path: string): void {
  const bytes = Buffer.byteLength(path)
  if (bytes <= MAX_PATH_BYTES) return
  throw new TidewayError(
    'ERR_CANNOT_LISTEN',
    `Cannot listen on ${path}: its path has ${bytes} bytes, and this system allows ${MAX_PATH_BYTES} for a Unix socket. Choose a ` +
      'shorter one.',
  )
}
