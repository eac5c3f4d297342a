import { ClientError } from './errors.ts'
import { scope, type AttemptContext, type Provided, type ResolvedOptions } from './options.ts'

/** What one attempt connects to. */
export interface Target {
  readonly url: string
  readonly protocols: string[]
}

/**
 * The absolute ws: or wss: URL for the given one. A relative URL is resolved as `new WebSocket` resolves it: against
 * `document.baseURI` in a window, which `<base>` changes, and against `location` in a worker (HTML, "API base URL").
 * http becomes ws and https wss, as the WHATWG standard requires since 2023 but not every implementation does. Throws
 * `ERR_BAD_URL`.
 */
export function webSocketUrl(given: string | URL): URL {
  try {
    const url = new URL(given, scope.document?.baseURI ?? scope.location?.href)
    url.protocol = url.protocol.replace('http', 'ws')
    if (/^wss?:$/.test(url.protocol) && !url.hash) return url
  } catch {}
  throw new ClientError('ERR_BAD_URL', `Not a ws: or http: URL without #: ${String(given)}`)
}

/** Asks the functions of the options for what this attempt is to use. */
export async function resolveTarget(options: ResolvedOptions, context: AttemptContext): Promise<Target> {
  const [given, offered, token] = (await Promise.all(
    [options.url, options.protocols, options.token].map(async (provided: Provided<unknown>) =>
      typeof provided === 'function' ? (provided as (context: AttemptContext) => unknown)(context) : provided,
    ),
  ).catch((cause: unknown) => {
    throw new ClientError('ERR_PROVIDER_FAILED', String(cause), cause)
  })) as [string | URL, string | readonly string[], string | null | undefined]
  const url = webSocketUrl(given)
  const protocols = [offered].flat()
  if (token) protocols.push('bearer', token)
  return { url: url.href, protocols }
}
