import { readFileSync } from 'node:fs'
import type { ConnectionOptions } from 'node:tls'

import type { RedisOptions } from 'ioredis'
import { TidewayError } from 'tideway/layer'

/** One Redis server, as an object. */
export interface RedisServer {
  /** A URL as in {@link RedisHost}; the other fields override what it says. */
  readonly address?: string | undefined
  /** @default 'localhost' */
  readonly host?: string | undefined
  /** @default 6379 */
  readonly port?: number | undefined
  /** The path of a unix socket, instead of host and port. */
  readonly path?: string | undefined
  readonly username?: string | undefined
  readonly password?: string | undefined
  /** The number of the database; pub/sub does not know databases. @default 0 */
  readonly db?: number | undefined
  /** Connects with TLS: options of `tls.connect`, or `true` for its defaults. @default false */
  readonly tls?: boolean | ConnectionOptions | undefined
}

/** A Redis server that Sentinels look after: its address is asked of them at every connect. */
export interface SentinelHost extends Omit<RedisServer, 'address' | 'host' | 'port' | 'path'> {
  /** Addresses of the Sentinels: one that answers is enough, and the others are learnt from it. */
  readonly sentinels: readonly (readonly [host: string, port: number])[]
  /** The name under which the Sentinels know the server. */
  readonly masterName: string
  readonly sentinelUsername?: string | undefined
  readonly sentinelPassword?: string | undefined
}

/** A Redis Cluster of version 7 or later, used with sharded pub/sub. For the pub/sub layer only. */
export interface ClusterHost extends Omit<RedisServer, 'address' | 'host' | 'port' | 'path' | 'db'> {
  /** Addresses of some nodes: one that answers is enough, and the others are learnt from it. */
  readonly cluster: readonly (readonly [host: string, port: number])[]
}

/**
 * Where a Redis is: a URL (`redis://[user:password@]host[:port][/db]`, `rediss://` for TLS, `unix:///path?db=0`), a
 * `[host, port]`, or an object.
 */
export type RedisHost = string | readonly [host: string, port: number] | RedisServer | SentinelHost

/** A parsed {@link RedisHost}: what ioredis is given, and how messages name it, without a password. */
export interface HostAddress {
  readonly label: string
  readonly options: RedisOptions
}

/** The host that is used when none is given, as in channels_redis. */
export const DEFAULT_HOST = 'redis://localhost:6379'

/** @throws TidewayError `ERR_BAD_OPTION` */
export function parseHosts(hosts: readonly RedisHost[] | undefined): HostAddress[] {
  if (hosts !== undefined && (!Array.isArray(hosts) || hosts.length === 0)) {
    throw badHost('hosts must be an array of at least one Redis, even if there is only one.')
  }
  return (hosts ?? [DEFAULT_HOST]).map(parseHost)
}

export function parseHost(host: RedisHost): HostAddress {
  if (typeof host === 'string') return fromServer(parseUrl(host))
  if (isPair(host)) return fromServer({ host: host[0], port: host[1] })
  if (typeof host !== 'object' || host === null)
    throw badHost(`A host must be a URL, a pair or an object, not ${typeof host}.`)
  if ('sentinels' in host) return fromSentinels(host)
  if ('cluster' in host) {
    throw badHost('A Redis Cluster is no host among others: give it as `cluster` to RedisPubSubChannelLayer.')
  }
  const { address, ...rest } = host
  return fromServer(address === undefined ? rest : { ...parseUrl(address), ...rest })
}

function isPair(host: unknown): host is readonly [string, number] {
  return Array.isArray(host)
}

function fromServer({ host = 'localhost', port = 6379, path, ...rest }: Omit<RedisServer, 'address'>): HostAddress {
  if (path !== undefined) return { label: `unix:${path}`, options: { path, ...credentials(rest) } }
  if (!Number.isInteger(port) || port < 1 || port > 65_535) throw badHost(`${port} is no port of a Redis.`)
  const options = { host, port, ...credentials(rest) }
  return { label: `${options.tls === undefined ? 'redis' : 'rediss'}://${host}:${port}`, options }
}

function fromSentinels({
  sentinels,
  masterName,
  sentinelUsername,
  sentinelPassword,
  ...rest
}: SentinelHost): HostAddress {
  if (!Array.isArray(sentinels) || sentinels.length === 0) throw badHost('sentinels must be an array of [host, port].')
  if (typeof masterName !== 'string') throw badHost('A host with sentinels needs the masterName that they know it by.')
  return {
    label: `sentinel:${masterName}`,
    options: {
      name: masterName,
      sentinels: sentinels.map(([host, port]) => ({ host, port })),
      ...(sentinelUsername === undefined ? {} : { sentinelUsername }),
      ...(sentinelPassword === undefined ? {} : { sentinelPassword }),
      ...credentials(rest),
    },
  }
}

/** What is the same for a server, a node of a cluster and a server behind Sentinels. */
export function credentials({
  username,
  password,
  db,
  tls,
}: Pick<RedisServer, 'username' | 'password' | 'db' | 'tls'>): Pick<
  RedisOptions,
  'username' | 'password' | 'db' | 'tls'
> {
  return {
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
    ...(db === undefined ? {} : { db }),
    ...(tls === undefined || tls === false ? {} : { tls: tls === true ? {} : tls }),
  }
}

function parseUrl(text: string): Omit<RedisServer, 'address'> {
  const url = URL.canParse(text) ? new URL(text) : null
  if (url === null) throw badHost(`"${withoutPassword(text)}" is no URL: write redis://host:port, or unix:///path.`)
  const common = {
    ...(url.username === '' ? {} : { username: decodeURIComponent(url.username) }),
    ...(url.password === '' ? {} : { password: decodeURIComponent(url.password) }),
    ...fromQuery(url.searchParams),
  }
  switch (url.protocol) {
    case 'redis:':
    case 'rediss:': {
      const db = url.pathname.slice(1)
      return {
        ...(db === '' ? {} : { db: requireDb(db) }),
        ...common,
        // The square brackets of an IPv6 address belong to the URL.
        host: url.hostname === '' ? 'localhost' : url.hostname.replace(/^\[(.*)\]$/, '$1'),
        port: url.port === '' ? 6379 : Number(url.port),
        ...(url.protocol === 'rediss:' ? { tls: tlsFromQuery(url.searchParams) } : {}),
      }
    }
    case 'unix:':
      return { ...common, path: decodeURIComponent(url.pathname) }
    default:
      throw badHost(`The URL of a Redis starts with redis:, rediss: or unix:, not ${url.protocol}`)
  }
}

/** As redis-py reads them, so that one URL serves both sides. */
function fromQuery(query: URLSearchParams): Pick<RedisServer, 'username' | 'password' | 'db'> {
  const db = query.get('db')
  const username = query.get('username')
  const password = query.get('password')
  return {
    ...(db === null ? {} : { db: requireDb(db) }),
    ...(username === null ? {} : { username }),
    ...(password === null ? {} : { password }),
  }
}

/** `ssl_cert_reqs` and `ssl_ca_certs`, the two of redis-py's query parameters that URLs are seen with. */
function tlsFromQuery(query: URLSearchParams): ConnectionOptions {
  const ca = query.get('ssl_ca_certs')
  return {
    ...(query.get('ssl_cert_reqs') === 'none' ? { rejectUnauthorized: false } : {}),
    ...(ca === null ? {} : { ca: readFileSync(ca) }),
  }
}

function requireDb(text: string): number {
  if (/^\d+$/.test(text)) return Number(text)
  throw badHost(`"${text}" is no number of a database.`)
}

function withoutPassword(text: string): string {
  return text.replace(/:[^:@/]*@/, ':***@')
}

function badHost(message: string): TidewayError {
  return new TidewayError('ERR_BAD_OPTION', message)
}
