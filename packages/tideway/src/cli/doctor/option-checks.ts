import { listenTargets } from '../../server/listen/listen-target.ts'
import { resolveOptions, type ServeOptions } from '../../server/options.ts'
import { TrustedProxies } from '../../server/handshake/trusted-proxies.ts'
import { ok, problem, warning, type Finding } from './finding.ts'

/** Addresses of two documentation networks (RFC 5737): a list with both contains every address. */
const STRANGERS = ['192.0.2.1', '198.51.100.1']

const EVERY_ADDRESS: ReadonlySet<string> = new Set(['0.0.0.0', '::', '[::]'])

/** Checks the options of the server, alone and with the public URL. */
export function optionFindings(options: ServeOptions, url: URL | undefined): Finding[] {
  let trustedProxies: readonly string[]
  let proxies: TrustedProxies
  try {
    trustedProxies = resolveOptions(options).trustedProxies
    proxies = new TrustedProxies(trustedProxies)
  } catch (error) {
    return [problem('options', (error as Error).message, 'Correct the option: "tideway serve" would not start.')]
  }
  const endsTls = options.tlsKey !== undefined
  const isTls = url !== undefined && (url.protocol === 'https:' || url.protocol === 'wss:')
  if (options.proxyHeaders !== true) return isTls && !endsTls ? [proxyNotBelieved] : []
  const check = 'proxy-headers'
  const targets = listenTargets(options)
  if (STRANGERS.every((address) => proxies.has(address))) {
    return [
      problem(
        check,
        'Every client is trusted as a proxy (--trusted-proxies), so each can forge its address.',
        'Name the addresses of your proxies, such as 10.0.0.0/8, or "unix".',
      ),
    ]
  }
  if (targets.some((target) => 'path' in target) && !proxies.has(undefined)) {
    return [
      problem(
        check,
        'The server listens on a Unix socket, but does not trust a proxy that connects over it: its clients have no address.',
        'Add it: --trusted-proxies unix.',
      ),
    ]
  }
  const isOpen = targets.some((target) => 'host' in target && EVERY_ADDRESS.has(target.host ?? ''))
  if (isOpen && options.trustedProxies === undefined) {
    return [
      warning(
        check,
        'Only proxies on this machine are trusted, but the server also listens for other machines.',
        'If the proxy is on another machine, or in another container, name its address in --trusted-proxies.',
      ),
    ]
  }
  return [ok(check, `The headers of proxies at ${trustedProxies.join(', ')} are trusted.`)]
}

const proxyNotBelieved = problem(
  'proxy-headers',
  'TLS ends at a proxy that is not trusted: scope.scheme is "ws", cookies of sessions are not Secure, and every client has the address of the proxy.',
  'Set --proxy-headers, and --trusted-proxies unless the proxy is on this machine. The proxy must set X-Forwarded-For and X-Forwarded-Proto.',
)
