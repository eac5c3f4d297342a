import { TidewayError } from '../../errors/tideway-error.ts'

/** A TCP address to listen on. */
export interface TcpTarget {
  /** 0 for a free one. @default 8000 */
  readonly port?: number
  /** A name or an address; an IPv6 address may stand in brackets. @default '127.0.0.1' */
  readonly host?: string
}

/** A Unix socket to listen on. */
export interface UnixTarget {
  readonly path: string
  /** The permissions of its file, such as `0o660`. @default what the process's umask leaves */
  readonly mode?: number
}

/** A listening socket that the process was started with: by systemd, or by a parent that bound a port below 1024. */
export interface DescriptorTarget {
  readonly fd: number
}

/** One place to listen at. */
export type ListenTarget = TcpTarget | UnixTarget | DescriptorTarget

/** Where a server turned out to listen. */
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
/** Only this machine can connect. */
export const DEFAULT_HOST = '127.0.0.1'

/** What of `ServeOptions` says where to listen. */
export interface BindingOptions {
  readonly port?: number
  readonly host?: string
  readonly listen?: readonly ListenTarget[]
}

/**
 * All places to listen at: `host` and `port` first. They have their defaults only when nothing else is named, or when one
 * of the two is.
 */
export function listenTargets({ host, port, listen = [] }: BindingOptions): readonly ListenTarget[] {
  for (const target of listen) requireTarget(target)
  if (host === undefined && port === undefined && listen.length > 0) return listen
  return [{ host: host ?? DEFAULT_HOST, port: port ?? DEFAULT_PORT }, ...listen]
}

/** A target without any of its fields would listen on the default port, and two of them in one are a mistake. */
function requireTarget(target: ListenTarget): void {
  const kinds = ['path', 'fd'].filter((name) => name in target).length
  const hasTcp = 'port' in target || 'host' in target
  if (kinds + (hasTcp ? 1 : 0) === 1) return
  throw new TidewayError(
    'ERR_BAD_OPTION',
    `listen: ${JSON.stringify(target)} must name one thing: a port and host, the path of a Unix socket, or an fd.`,
  )
}

/** `[::1]` as `::1`: how an address stands in a URL, which no resolver knows. */
export function withoutBrackets(host: string): string {
  return /^\[(.*)\]$/.exec(host)?.[1] ?? host
}
