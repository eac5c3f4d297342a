import { HeaderList } from '../asgi/headers.ts'
import { asgiVersions, type Address, type ConnectionScope } from '../asgi/scope.ts'
import { anonymousUser, type Authenticated } from '../asgi/user.ts'
import { TidewayError } from '../errors/tideway-error.ts'
import type { ConnectionOptions } from './scope-option.ts'

/** The host of a URL that is only a path: a secure context in browsers, and it needs no DNS query. */
const DEFAULT_HOST = 'localhost'

const DEFAULT_CLIENT: Address = { host: '127.0.0.1', port: 50_000 }

/**
 * Returns the properties of the scope that the request of a communicator decides.
 * @param schemes the schemes of a plain and of an encrypted connection
 */
export function connectionScope(
  url: string,
  [plain, encrypted]: readonly [plain: string, encrypted: string],
  { headers = [], client = DEFAULT_CLIENT }: ConnectionOptions,
): ConnectionScope & Authenticated {
  const { protocol, host, port, hostname, pathname, search } = parseUrl(url)
  const isEncrypted = protocol === 'https:' || protocol === 'wss:'
  const given = HeaderList.from(headers)
  return {
    asgi: asgiVersions,
    httpVersion: '1.1',
    scheme: isEncrypted ? encrypted : plain,
    path: decodePath(pathname),
    rawPath: pathname,
    queryString: search.slice(1),
    rootPath: '',
    headers: given.has('host') ? given : HeaderList.from([['host', host], ...given]),
    client,
    server: { host: hostname, port: Number(port) || (isEncrypted ? 443 : 80) },
    user: anonymousUser,
  }
}

/** Parses an absolute URL, or a path of the default host. */
function parseUrl(url: string): URL {
  try {
    const parsed = new URL(url, `http://${DEFAULT_HOST}/`)
    if (/^(?:http|ws)s?:$/.test(parsed.protocol)) return parsed
  } catch {
    // Reported below.
  }
  throw badUrl(url, 'is neither a path nor an http, https, ws or wss URL')
}

function decodePath(rawPath: string): string {
  try {
    return decodeURIComponent(rawPath)
  } catch {
    throw badUrl(rawPath, 'is not percent-encoded UTF-8, which a server answers with 400')
  }
}

function badUrl(url: string, why: string): TidewayError {
  return new TidewayError('ERR_BAD_OPTION', `The URL ${JSON.stringify(url)} ${why}.`)
}
