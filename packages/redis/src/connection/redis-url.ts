import { readFileSync } from 'node:fs'
import type { ConnectionOptions } from 'node:tls'

import { TidewayError } from 'tideway/layer/kit'

/** The parts of a Redis URL. */
export interface RedisUrl {
  readonly host?: string
  readonly port?: number
  readonly path?: string
  readonly username?: string
  readonly password?: string
  readonly db?: number
  readonly tls?: ConnectionOptions
}

const FORMS = 'redis://[user:password@]host[:port][/db], rediss:// for TLS, or unix:///path'

const ENCODING = 'Percent-encode the characters / # ? % and @ in a user name or password: / is %2F, # is %23.'

/**
 * Parses a Redis URL. No error quotes the URL, because the password in an invalid URL cannot be located.
 * @param name the option that holds the URL
 * @throws TidewayError `ERR_BAD_OPTION`
 */
export function parseRedisUrl(text: string, name: string): RedisUrl {
  const protocol = /^(redis|rediss|unix):\/\//i.exec(text)?.[1]?.toLowerCase()
  if (protocol === undefined) throw badUrl(`${name} is not the URL of a Redis: write ${FORMS}.`)
  if (!URL.canParse(text)) throw badUrl(`${name} is not a valid URL: write ${FORMS}. ${ENCODING}`)
  const url = new URL(text)
  // The rest of a user name or password that contains "/", "?" or "#".
  if (url.hash !== '' || url.pathname.includes('@') || url.search.includes('@')) {
    throw badUrl(`${name} has "#" or "@" after its host. ${ENCODING}`)
  }
  const common = { ...fromUserInfo(url, name), ...fromQuery(url.searchParams, name) }
  if (protocol === 'unix') {
    if (url.hostname !== '') throw badUrl(`${name} has a host in front of its path: write unix:///path.`)
    requireNoTls(url.searchParams, name)
    return { ...common, path: decode(url.pathname, name) }
  }
  if (protocol === 'redis') requireNoTls(url.searchParams, name)
  const db = url.pathname.slice(1)
  return {
    ...(db === '' ? {} : { db: databaseNumber(db, name) }),
    ...common,
    // The square brackets of an IPv6 address belong to the URL.
    host: url.hostname === '' ? 'localhost' : url.hostname.replace(/^\[(.*)\]$/, '$1'),
    port: url.port === '' ? 6379 : Number(url.port),
    ...(protocol === 'rediss' ? { tls: tlsFromQuery(url.searchParams, name) } : {}),
  }
}

function fromUserInfo({ username, password }: URL, name: string): Pick<RedisUrl, 'username' | 'password'> {
  return {
    ...(username === '' ? {} : { username: decode(username, name) }),
    ...(password === '' ? {} : { password: decode(password, name) }),
  }
}

/** Reads the parameters as redis-py does, so that both accept the same URL. */
function fromQuery(query: URLSearchParams, name: string): Pick<RedisUrl, 'username' | 'password' | 'db'> {
  const db = query.get('db')
  const username = query.get('username')
  const password = query.get('password')
  return {
    ...(db === null ? {} : { db: databaseNumber(db, name) }),
    ...(username === null ? {} : { username }),
    ...(password === null ? {} : { password }),
  }
}

/** Reads redis-py's query parameters for TLS. Rejects unknown ones, because they may be relevant to security. */
function tlsFromQuery(query: URLSearchParams, name: string): ConnectionOptions {
  const tls: ConnectionOptions = {}
  for (const [parameter, value] of tlsParameters(query)) {
    switch (parameter) {
      case 'ssl_cert_reqs':
        if (value === 'none') tls.rejectUnauthorized = false
        else if (value !== 'required' && value !== 'optional') {
          throw badUrl(`${name} has a wrong ssl_cert_reqs: it is none, optional or required.`)
        }
        break
      case 'ssl_ca_certs':
        tls.ca = read(value, parameter, name)
        break
      case 'ssl_certfile':
        tls.cert = read(value, parameter, name)
        break
      case 'ssl_keyfile':
        tls.key = read(value, parameter, name)
        break
      default:
        throw badUrl(`${name} has an unsupported TLS parameter: give an object with address and tls instead.`)
    }
  }
  return tls
}

function requireNoTls(query: URLSearchParams, name: string): void {
  if (tlsParameters(query).length === 0) return
  throw badUrl(`${name} has TLS parameters but does not use TLS: write rediss: instead of redis:.`)
}

function tlsParameters(query: URLSearchParams): [parameter: string, value: string][] {
  return [...query].filter(([parameter]) => /^(ssl|tls)/i.test(parameter))
}

function read(file: string, parameter: string, name: string): Buffer {
  try {
    return readFileSync(file)
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException
    throw badUrl(`The file that ${parameter} of ${name} names cannot be read (${code}).`, cause)
  }
}

function decode(text: string, name: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    throw badUrl(`${name} has a "%" that is not followed by two hexadecimal digits. ${ENCODING}`)
  }
}

function databaseNumber(text: string, name: string): number {
  if (/^\d+$/.test(text)) return Number(text)
  throw badUrl(`${name} has a database that is not a number: write redis://host:port/0. ${ENCODING}`)
}

function badUrl(message: string, cause?: unknown): TidewayError {
  return new TidewayError('ERR_BAD_OPTION', message, cause === undefined ? {} : { cause })
}
