import { isIPv6 } from 'node:net'
import type { ConnectionOptions } from 'node:tls'

import type { RedisOptions } from 'ioredis'
import { TidewayError } from 'tideway/layer/kit'

import { parseRedisUrl } from './redis-url.ts'

/** One Redis server, as an object. */
export interface RedisServer {
  /** A URL as in {@link RedisHost}; the other fields override its parts. */
  readonly address?: string | undefined
  /** @default 'localhost' */
  readonly host?: string | undefined
  /** @default 6379 */
  readonly port?: number | undefined
  /** The path of a unix socket, instead of host and port. */
  readonly path?: string | undefined
  readonly username?: string | undefined
  readonly password?: string | undefined
  /** The number of the database. @default 0 */
  readonly db?: number | undefined
  /** Connects with TLS: options of `tls.connect`, or `true` for its defaults. @default false */
  readonly tls?: boolean | ConnectionOptions | undefined
}

/** A Redis server that Sentinels monitor. The layer requests its address from them at every connect. */
export interface SentinelHost extends Omit<RedisServer, 'address' | 'host' | 'port' | 'path'> {
  /** Addresses of the Sentinels. One reachable Sentinel is enough: it lists the others. */
  readonly sentinels: readonly (readonly [host: string, port: number])[]
  /** The name of the server in the configuration of the Sentinels. */
  readonly masterName: string
  readonly sentinelUsername?: string | undefined
  readonly sentinelPassword?: string | undefined
  /** Connects to the Sentinels with TLS. `tls` concerns only the server. @default false */
  readonly sentinelTls?: boolean | ConnectionOptions | undefined
}

/** A Redis Cluster of version 7 or later, used with sharded pub/sub. For the pub/sub layer only. */
export interface ClusterHost extends Omit<RedisServer, 'address' | 'host' | 'port' | 'path' | 'db'> {
  /** Addresses of some nodes. One reachable node is enough: it lists the others. */
  readonly cluster: readonly (readonly [host: string, port: number])[]
}

/**
 * The address of a Redis: a URL (`redis://[user:password@]host[:port][/db]`, `rediss://` for TLS, `unix:///path?db=0`), a
 * `[host, port]`, or an object.
 */
export type RedisHost = string | readonly [host: string, port: number] | RedisServer | SentinelHost

/** A parsed {@link RedisHost}: the options for ioredis, and a label for messages, which contains no password. */
export interface HostAddress {
  readonly label: string
  readonly options: RedisOptions
}

/** The default host, as in channels_redis. */
export const DEFAULT_HOST = 'redis://localhost:6379'

type Credentials = Pick<RedisServer, 'username' | 'password' | 'db' | 'tls'>

const CREDENTIALS = ['username', 'password', 'db', 'tls']
const SERVER_FIELDS = ['address', 'host', 'port', 'path', ...CREDENTIALS]
const SENTINEL_FIELDS = [
  'sentinels',
  'masterName',
  'sentinelUsername',
  'sentinelPassword',
  'sentinelTls',
  ...CREDENTIALS,
]
const CLUSTER_FIELDS = ['cluster', 'username', 'password', 'tls']

/** @throws TidewayError `ERR_BAD_OPTION` */
export function parseHosts(hosts: readonly RedisHost[] | undefined): HostAddress[] {
  if (hosts !== undefined && (!Array.isArray(hosts) || hosts.length === 0)) {
    throw badHost('hosts must be an array of at least one Redis, even if there is only one.')
  }
  return (hosts ?? [DEFAULT_HOST]).map((host, index) => parseHost(host, `hosts[${index}]`))
}

/**
 * @param name the option that holds the host, for messages
 * @throws TidewayError `ERR_BAD_OPTION`
 */
export function parseHost(host: RedisHost, name = 'hosts[0]'): HostAddress {
  if (typeof host === 'string') return fromServer(parseRedisUrl(host, name), name)
  if (Array.isArray(host)) {
    const [hostname, port] = requirePair(host, name)
    return fromServer({ host: hostname, port }, name)
  }
  if (typeof host !== 'object' || host === null) {
    throw badHost(
      `${name} must be a URL, a pair [host, port] or an object, not ${host === null ? 'null' : typeof host}.`,
    )
  }
  if ('sentinels' in host) return fromSentinels(host, name)
  if ('cluster' in host) {
    throw badHost(`${name} is a Redis Cluster: give it as the option cluster of RedisPubSubChannelLayer.`)
  }
  const server = host as RedisServer
  requireFields(server, SERVER_FIELDS, name, 'a Redis server')
  const { address, ...rest } = server
  if (rest.path !== undefined && (rest.host !== undefined || rest.port !== undefined)) {
    throw badHost(`${name} has a path and a host or port: give either.`)
  }
  if (address === undefined) return fromServer(rest, name)
  if (typeof address !== 'string') throw badHost(`${name}.address must be a URL, not ${typeof address}.`)
  const { path, ...url } = parseRedisUrl(address, `${name}.address`)
  const isMoved = rest.host !== undefined || rest.port !== undefined
  if (path !== undefined && isMoved) throw badHost(`${name} has a unix: address and a host or port: give either.`)
  // A field with the value undefined, such as an unset environment variable, overrides nothing.
  const given = Object.fromEntries(Object.entries(rest).filter(([, value]) => value !== undefined))
  return fromServer({ ...url, ...(path === undefined ? {} : { path }), ...given }, name)
}

/**
 * Returns the nodes that the options of a cluster name.
 * @throws TidewayError `ERR_BAD_OPTION`
 */
export function parseCluster(cluster: ClusterHost): HostAddress[] {
  if (!Array.isArray(cluster?.cluster) || cluster.cluster.length === 0) {
    throw badHost('cluster.cluster must be an array of at least one [host, port].')
  }
  requireFields(cluster, CLUSTER_FIELDS, 'cluster', 'a Redis Cluster')
  const { cluster: nodes, ...rest } = cluster
  return (nodes as readonly unknown[]).map((node, index) => {
    const [host, port] = requirePair(node, `cluster.cluster[${index}]`)
    return fromServer({ ...rest, host, port }, 'cluster')
  })
}

function fromServer(server: Omit<RedisServer, 'address'>, name: string): HostAddress {
  const { host = 'localhost', port = 6379, path, ...rest } = server
  if (path !== undefined) {
    if (typeof path !== 'string' || path === '') throw badHost(`${name}.path must be the path of a unix socket.`)
    return { label: `unix:${path}`, options: { path, ...credentials(rest, name) } }
  }
  requireHost(host, `${name}.host`)
  requirePort(port, `${name}.port`)
  const options = { host, port, ...credentials(rest, name) }
  return { label: addressLabel(options), options }
}

function fromSentinels(host: SentinelHost, name: string): HostAddress {
  requireFields(host, SENTINEL_FIELDS, name, 'a Redis behind Sentinels')
  const { sentinels, masterName, sentinelUsername, sentinelPassword, sentinelTls, ...rest } = host
  if (!Array.isArray(sentinels) || sentinels.length === 0) {
    throw badHost(`${name}.sentinels must be an array of at least one [host, port].`)
  }
  requireText(masterName, `${name}.masterName`)
  const sentinelTLS = tlsOptions(sentinelTls, `${name}.sentinelTls`)
  const options = credentials(rest, name)
  return {
    label: `sentinel:${masterName}`,
    options: {
      name: masterName,
      sentinels: (sentinels as readonly unknown[]).map((sentinel, index) => {
        const [sentinelHost, port] = requirePair(sentinel, `${name}.sentinels[${index}]`)
        return { host: sentinelHost, port }
      }),
      ...optionalText('sentinelUsername', sentinelUsername, name),
      ...optionalText('sentinelPassword', sentinelPassword, name),
      ...(sentinelTLS === undefined ? {} : { sentinelTLS }),
      ...options,
      // Without this option ioredis connects to the server in clear text, even if tls is set.
      ...(options.tls === undefined ? {} : { enableTLSForSentinelMode: true }),
    },
  }
}

/** The name of a server in messages and events. */
export function addressLabel({ host, port, tls }: RedisOptions): string {
  return `${tls === undefined ? 'redis' : 'rediss'}://${host}:${port}`
}

/** The options common to a server, a node of a cluster and a server behind Sentinels. */
function credentials(
  { username, password, db, tls }: Credentials,
  name: string,
): Pick<RedisOptions, 'username' | 'password' | 'db' | 'tls'> {
  if (db !== undefined && (!Number.isInteger(db) || db < 0)) throw badHost(`${name}.db must be a whole number from 0.`)
  const secured = tlsOptions(tls, `${name}.tls`)
  return {
    ...optionalText('username', username, name),
    ...optionalText('password', password, name),
    ...(db === undefined ? {} : { db }),
    ...(secured === undefined ? {} : { tls: secured }),
  }
}

function tlsOptions(tls: boolean | ConnectionOptions | undefined, name: string): ConnectionOptions | undefined {
  if (tls === undefined || tls === false) return undefined
  if (tls === true) return {}
  if (typeof tls === 'object' && tls !== null) return tls
  throw badHost(`${name} must be true, false or the options of tls.connect.`)
}

/** Rejects unknown options. An option of another library would be ignored, and a password or TLS with it. */
function requireFields(host: object, fields: readonly string[], name: string, what: string): void {
  const unknown = Object.keys(host).find((field) => !fields.includes(field))
  if (unknown === undefined) return
  throw badHost(`${name}.${unknown} is not an option of ${what}, which has ${fields.join(', ')}.`)
}

function requirePair(pair: unknown, name: string): readonly [string, number] {
  if (!Array.isArray(pair) || pair.length !== 2) throw badHost(`${name} must be a pair [host, port].`)
  const [host, port] = pair as unknown[]
  requireHost(host, `${name}[0]`)
  requirePort(port, `${name}[1]`)
  return [host, port]
}

function requireHost(host: unknown, name: string): asserts host is string {
  requireText(host, name)
  if (host.includes('/')) throw badHost(`${name} is a URL or a path: it must be a host name. Give a URL as address.`)
  if (host.includes('@')) throw badHost(`${name} must be a host name alone: give a URL as address.`)
  if (host.includes(':') && !isIPv6(host)) throw badHost(`${name} must be a host name alone: give its port as port.`)
}

function requirePort(port: unknown, name: string): asserts port is number {
  if (typeof port === 'string') throw badHost(`${name} is a string: give a number.`)
  if (!Number.isInteger(port) || (port as number) < 1 || (port as number) > 65_535) {
    throw badHost(`${name} must be a port from 1 to 65535, not ${String(port)}.`)
  }
}

function requireText(text: unknown, name: string): asserts text is string {
  if (typeof text !== 'string' || text === '') throw badHost(`${name} must be a string that is not empty.`)
}

function optionalText<Field extends string>(
  field: Field,
  text: unknown,
  name: string,
): { readonly [Key in Field]?: string } {
  if (text === undefined) return {}
  if (typeof text !== 'string') throw badHost(`${name}.${field} must be a string, not ${typeof text}.`)
  return { [field]: text } as { readonly [Key in Field]?: string }
}

function badHost(message: string): TidewayError {
  return new TidewayError('ERR_BAD_OPTION', message)
}
