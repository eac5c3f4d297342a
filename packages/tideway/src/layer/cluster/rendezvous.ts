import { link, lstat, mkdir, readdir, rmdir, unlink, utimes } from 'node:fs/promises'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { join } from 'node:path'
import { randomSuffix } from '../random-suffix.ts'
import { TidewayError } from '../../errors/tideway-error.ts'
import { requireUnixPath } from '../../errors/unix-path.ts'
import { ClusterHub, type HubListener } from './cluster-hub.ts'

/** The start of the name of a socket that is not linked yet. */
const TEMPORARY = 'new.'
/** systemd removes files that were not touched for 10 days from /tmp (tmpfiles.d(5)). */
const TOUCH_EVERY_MS = 3_600_000

/** Options of a {@link Rendezvous}. */
export interface RendezvousOptions {
  /** Whether this process may become the hub. */
  readonly canHost: boolean
  /** The callbacks of the hub, if it is in this process. @default none */
  readonly listener?: HubListener | undefined
}

/**
 * The folder in which the processes of a cluster find their hub. The socket of a hub is `hub.N`. A process that finds no live hub
 * binds another socket and links it as `hub.N+1`, which fails if the name exists. It then withdraws if it finds another
 * live one: each of two processes links its socket before it looks, so at least one of them sees the other. Only a socket that refuses connections
 * is removed, and the system refuses them only after the end of its process, so there are never two hubs.
 */
export class Rendezvous {
  readonly #directory: string
  readonly #options: RendezvousOptions
  #hosted:
    | { readonly hub: ClusterHub; readonly server: Server; readonly path: string; readonly touching: NodeJS.Timeout }
    | undefined
  #isClosed = false

  /** @throws TidewayError `ERR_CANNOT_LISTEN` if the path is too long for a Unix socket */
  constructor(directory: string, options: RendezvousOptions) {
    this.#directory = directory
    this.#options = options
    requireUnixPath(this.#pathOf(9_999_999_999))
  }

  /** Whether the hub is in this process. */
  get isHost(): boolean {
    return this.#hosted !== undefined
  }

  /** Connects to the hub. Becomes the hub first if there is none. Rejects if there is none and this process may not be it. */
  async connect(): Promise<Socket> {
    await requirePrivate(this.#directory)
    for (;;) {
      const newest = Math.max(0, ...(await this.#hubs()))
      const socket = newest === 0 ? undefined : await tryConnect(this.#pathOf(newest))
      if (socket !== undefined) return socket
      if (!this.#options.canHost || this.#isClosed) throw new Error('the process of the hub has ended')
      await this.#host(newest + 1)
    }
  }

  /** Becomes the hub. Rejects if another process is it. */
  async host(): Promise<void> {
    ;(await this.connect()).destroy()
    if (!this.isHost) throw new Error('another process is the hub')
  }

  /** Ends the hub, if it is in this process, and removes its files. */
  async close(): Promise<void> {
    this.#isClosed = true
    const hosted = this.#hosted
    this.#hosted = undefined
    if (hosted !== undefined) {
      clearInterval(hosted.touching)
      await unlink(hosted.path).catch(ignore)
      hosted.server.close()
      hosted.hub.close()
    }
    // Succeeds only if the folder is empty.
    await rmdir(this.#directory).catch(ignore)
  }

  async #host(number: number): Promise<void> {
    const path = this.#pathOf(number)
    const temporary = join(this.#directory, TEMPORARY + randomSuffix().slice(0, 8))
    const hub = new ClusterHub(this.#options.listener)
    const server = createServer((socket) => hub.accept(socket))
    try {
      await listen(server, temporary)
      await link(temporary, path)
    } catch (error) {
      server.close()
      if ((error as NodeJS.ErrnoException).code === 'EEXIST') return
      throw error
    } finally {
      await unlink(temporary).catch(ignore)
    }
    if (await this.#isAlone(number)) {
      this.#hosted = { hub, server, path, touching: setInterval(() => void touch(path), TOUCH_EVERY_MS).unref() }
      hub.open()
      return
    }
    await unlink(path).catch(ignore)
    server.close()
    hub.close()
    // Another process may have withdrawn too.
    await new Promise((resolve) => setTimeout(resolve, Math.random() * 20))
  }

  /** Looks for other live hubs, and removes the sockets of dead ones. */
  async #isAlone(own: number): Promise<boolean> {
    for (const number of await this.#hubs()) {
      if (number === own) continue
      if (number > own) return false
      const other = await tryConnect(this.#pathOf(number))
      other?.destroy()
      if (other !== undefined) return false
      await unlink(this.#pathOf(number)).catch(ignore)
    }
    await this.#removeUnfinished()
    return true
  }

  /** Removes the sockets of processes that were killed before they had linked them. */
  async #removeUnfinished(): Promise<void> {
    for (const name of await readdir(this.#directory)) {
      if (!name.startsWith(TEMPORARY)) continue
      const socket = await tryConnect(join(this.#directory, name))
      socket?.destroy()
      if (socket === undefined) await unlink(join(this.#directory, name)).catch(ignore)
    }
  }

  async #hubs(): Promise<number[]> {
    const names = await readdir(this.#directory)
    return names.flatMap((name) => /^hub\.(\d{1,10})$/.exec(name)?.[1] ?? []).map(Number)
  }

  #pathOf(number: number): string {
    return join(this.#directory, `hub.${number}`)
  }
}

/**
 * Makes the folder if it does not exist. Only its owner may enter it: who connects to the hub reads and writes all messages.
 * @throws TidewayError `ERR_LAYER_UNAVAILABLE` if it belongs to another user, or others may enter it; on Windows
 */
export async function requirePrivate(directory: string): Promise<void> {
  if (process.getuid === undefined) {
    throw new TidewayError(
      'ERR_LAYER_UNAVAILABLE',
      'The cluster layer needs Unix domain sockets, which this system lacks.',
    )
  }
  await mkdir(directory, { recursive: true, mode: 0o700 })
  const { uid, mode } = await lstat(directory).then((found) => {
    if (found.isDirectory()) return found
    throw new TidewayError('ERR_LAYER_UNAVAILABLE', `${directory} is not a folder: remove it, or choose another one.`)
  })
  if (uid === process.getuid() && (mode & 0o077) === 0) return
  throw new TidewayError(
    'ERR_LAYER_UNAVAILABLE',
    `${directory} must belong to the user of this process, with the permissions 0700: change that, or choose another folder.`,
  )
}

/** Resolves with `undefined` if no process listens there. */
export function tryConnect(path: string): Promise<Socket | undefined> {
  return new Promise((resolve, reject) => {
    const socket = connect(path)
    socket.once('connect', () => {
      socket.removeAllListeners('error')
      resolve(socket)
    })
    socket.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'ECONNREFUSED' || error.code === 'ENOENT') resolve(undefined)
      else reject(error)
    })
  })
}

function listen(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    // Not shared with other workers of node:cluster: the primary would listen, and continue after the end of this process.
    server.listen({ path, exclusive: true }, () => {
      server.removeListener('error', reject)
      resolve()
    })
  })
}

async function touch(path: string): Promise<void> {
  const now = new Date()
  await utimes(path, now, now).catch(ignore)
}

/** A file that is gone, or cannot be removed, is of no more use. */
function ignore(): void {}
