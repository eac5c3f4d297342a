import { TidewayError } from '../../errors/tideway-error.ts'

/** A TCP address to listen on. */
export interface TcpTarget {
  /** 0 for any free port. @default 8000 */
  readonly port?: number
  /** A name or an address; an IPv6 address may stand in brackets. @default '127.0.0.1' */
  readonly host?: string
}

/** A Unix socket to listen on. */
export interface UnixTarget {
  readonly path: string
  /** The permissions of its file, such as `0o660`. @default the permissions of the process's umask */
  readonly mode?: number
}

/** A listening socket that the process inherited: from systemd, or from a parent that bound a port below 1024. */
export interface DescriptorTarget {
  readonly fd: number
}

/** One address, path or descriptor to listen on. */
export type ListenTarget = TcpTarget | UnixTarget | DescriptorTarget

/** An address on which a server listens. */
export type ServerAddress = TcpAddress | UnixAddress

/** A TCP address that a server listens on. */
export interface TcpAddress {
  readonly host: string
  readonly port: number
  /** `http://127.0.0.1:8000`, `https://[::1]:8000`. */
  readonly url: string
}

/** A Unix socket that a server listens on. */
export interface UnixAddress {
  readonly path: string
  /** `unix:/run/chat.sock`. */
  readonly url: string
}

/** The defaults of a TCP target: those of Daphne. */
export const DEFAULT_PORT = 8000
/** Accepts connections of this machine only. */
export const DEFAULT_HOST = '127.0.0.1'

/** The options of `ServeOptions` that choose the addresses to listen on. */
export interface BindingOptions {
  readonly port?: number
  readonly host?: string
  readonly listen?: readonly ListenTarget[]
}

/**
 * Returns all targets, `host` and `port` first. These two have defaults only if `listen` is empty or one of the two is given.
 */
export function listenTargets({ host, port, listen = [] }: BindingOptions): readonly ListenTarget[] {
  for (const target of listen) requireTarget(target)
  if (host === undefined && port === undefined && listen.length > 0) return listen
  return [{ host: host ?? DEFAULT_HOST, port: port ?? DEFAULT_PORT }, ...listen]
}

/** Rejects a target without fields, which would listen on the default port, and a target of two kinds. */
function requireTarget(target: ListenTarget): void {
  const kinds = ['path', 'fd'].filter((name) => name in target).length
  const hasTcp = 'port' in target || 'host' in target
  if (kinds + (hasTcp ? 1 : 0) === 1) return
  throw new TidewayError(
    'ERR_BAD_OPTION',
    `listen: ${JSON.stringify(target)} must have exactly one of: a port and host, the path of a Unix socket, or an fd.`,
  )
}

/** Removes the brackets of a URL from an IPv6 address: `[::1]` becomes `::1`. No resolver accepts the brackets. */
export function withoutBrackets(host: string): string {
  return /^\[(.*)\]$/.exec(host)?.[1] ?? host
}
