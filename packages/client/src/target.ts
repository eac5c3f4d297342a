import { causedError, ClientError } from './errors.ts'
import { scope, type AttemptContext, type ValueOrProvider, type ResolvedOptions } from './options.ts'

/** The target of one attempt. */
export interface Target {
  readonly url: string
  readonly protocols: string[]
}

/**
 * Returns the absolute ws: or wss: URL. Relative URLs are resolved as in `new WebSocket`: against `document.baseURI` in a
 * window, which `<base>` changes, and against `location` in a worker (HTML, "API base URL"). http becomes ws, and https
 * becomes wss: the WHATWG standard requires it since 2023, but not every implementation does it. Throws `ERR_BAD_URL`.
 */
export function webSocketUrl(given: string | URL): URL {
  try {
    const url = new URL(given, scope.document?.baseURI ?? scope.location?.href)
    url.protocol = url.protocol.replace('http', 'ws')
    if (/^wss?:$/.test(url.protocol) && !url.hash) return url
  } catch {}
  throw new ClientError('ERR_BAD_URL', `Not a ws: or http: URL without #: ${String(given)}`)
}

/** Calls the provider functions of the options for one attempt. Throws `ERR_PROVIDER_FAILED`. */
export async function resolveTarget(options: ResolvedOptions, context: AttemptContext): Promise<Target> {
  const [given, offered, token] = (await Promise.all(
    [options.url, options.protocols, options.token].map(async (provided: ValueOrProvider<unknown>) =>
      typeof provided === 'function' ? (provided as (context: AttemptContext) => unknown)(context) : provided,
    ),
  ).catch((cause: unknown) => {
    throw causedError('ERR_PROVIDER_FAILED', cause)
  })) as [string | URL, string | readonly string[], string | null | undefined]
  const url = webSocketUrl(given)
  const protocols = [offered].flat()
  if (token) protocols.push('bearer', token)
  return { url: url.href, protocols }
}
