import { ok, problem, warning, type Finding } from './finding.ts'
import { askPlainly, shakeHands, type Answer } from './handshake-probe.ts'

/** `Date` has whole seconds, and tokens allow five seconds of difference. */
const CLOCK_TOLERANCE_MS = 5000

const LOCAL_NAMES: ReadonlySet<string> = new Set(['localhost', '127.0.0.1', '[::1]'])

/** A reserved origin (RFC 2606 §2). */
const FOREIGN_ORIGIN = 'https://doctor.invalid'

/** Checks the public URL through all proxies: with the handshake of a page, and with wrong ones. */
export async function urlFindings(webSocketUrl: URL): Promise<Finding[]> {
  const url = new URL(webSocketUrl)
  // ws and http are the same for a proxy, and Node's clients support only http.
  url.protocol = url.protocol.replace('ws', 'http')
  let answer: Answer
  let plain: Answer
  try {
    answer = await shakeHands(url, { origin: url.origin })
    plain = await askPlainly(url)
  } catch (error) {
    return [unreachable(url, error as NodeJS.ErrnoException)]
  }
  const findings = [await handshakeFinding(url, answer)]
  if (answer.isWebSocket) findings.push(await foreignOriginFinding(url))
  return [...findings, ...tlsFindings(url), ...cookieFindings(url, [answer, plain]), ...clockFindings(plain)]
}

function unreachable(url: URL, error: NodeJS.ErrnoException): Finding {
  const isCertificate = /CERT|TLS|SSL|SIGNATURE|SIGNED/.test(error.code ?? '')
  return problem(
    'url',
    `${url.origin} does not answer: ${error.message || error.code}.`,
    isCertificate
      ? 'Browsers refuse such a certificate too: replace it, together with its intermediate certificates.'
      : 'Check that the name resolves to the proxy, and that the proxy listens there.',
  )
}

async function handshakeFinding(url: URL, answer: Answer): Promise<Finding> {
  const { status, headers } = answer
  if (answer.isWebSocket) return ok('handshake', `${url.href} opens a WebSocket for pages of ${url.origin}.`)
  if (status === 101) {
    return problem(
      'handshake',
      'The answer has the key of another handshake.',
      'A cache, or a proxy that does not support WebSockets, answers instead of the server: bypass it.',
    )
  }
  if (status >= 300 && status < 400) {
    const found = `The handshake is redirected to ${headers.location ?? 'somewhere else'}, and WebSockets follow no redirects.`
    return problem('handshake', found, 'Use that URL in the pages, or remove the redirect from this path.')
  }
  if (status >= 502 && status <= 504) {
    const found = `The handshake is answered with ${status}: the proxy does not reach the server, or the server is stopping.`
    return problem('handshake', found, 'Check that tideway runs, and that the proxy has its address.')
  }
  if (!(await reachesAWebSocketServer(url))) {
    return problem(
      'upgrade-header',
      `The handshake arrives as a request without Upgrade, and the answer is ${status}: the proxy removes the header.`,
      'In nginx: proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection "upgrade"; and check that the proxy forwards this path to tideway.',
    )
  }
  return refusal(url, status)
}

/** Whether a WebSocket server answers: it names its version if the client asks for another (RFC 6455 §4.2.2). */
async function reachesAWebSocketServer(url: URL): Promise<boolean> {
  const { headers } = await shakeHands(url, { origin: url.origin, version: 99 })
  return headers['sec-websocket-version']?.includes('13') === true
}

function refusal(url: URL, status: number): Finding {
  switch (status) {
    case 401:
      return ok('handshake', `${url.href} requires a login (401): the handshake reaches the application.`)
    case 403:
      return problem(
        'origin',
        `Pages of ${url.origin} are refused with 403.`,
        `Add ${url.hostname} to allowedHosts; without a list, the proxy must forward the name: proxy_set_header Host $host (with its port, if it has one: $http_host).`,
      )
    case 404:
      return problem(
        'handshake',
        `No route of the application has the path ${url.pathname} (404).`,
        'Use the path of a consumer in --url. Set --root-path if the proxy removes a prefix of the path.',
      )
    case 429:
      return warning(
        'handshake',
        'The handshake exceeds a limit (429).',
        'Wait, or check rateLimit and the limits of the server.',
      )
    default:
      return problem('handshake', `The handshake is answered with ${status}.`, 'See the log of the server.')
  }
}

async function foreignOriginFinding(url: URL): Promise<Finding> {
  const { isWebSocket, status } = await shakeHands(url, { origin: FOREIGN_ORIGIN })
  if (!isWebSocket) return ok('origin', `A page of another site is refused (${status}).`)
  return problem(
    'origin',
    `A page of another site (${FOREIGN_ORIGIN}) may connect, with the cookies of its visitor.`,
    'Wrap the WebSocket application in allowedHostsOriginValidator(…, { allowedHosts }).',
  )
}

function tlsFindings(url: URL): Finding[] {
  if (url.protocol === 'https:' || LOCAL_NAMES.has(url.hostname)) return []
  const found = `${url.origin} is not encrypted: every host on the network path can read and change the traffic, and proxies may break it.`
  return [warning('tls', found, 'Serve it over TLS, and use an address with wss: in --url.')]
}

function cookieFindings(url: URL, answers: readonly Answer[]): Finding[] {
  const cookies = answers.flatMap(({ headers }) => headers['set-cookie'] ?? [])
  if (url.protocol !== 'https:' || cookies.length === 0) return []
  const insecure = cookies
    .filter((cookie) => !/;\s*secure\s*(;|$)/i.test(cookie))
    .map((cookie) => cookie.split('=')[0]!)
  if (insecure.length === 0) return [ok('cookies', 'All cookies are Secure.')]
  return [
    problem(
      'cookies',
      `${[...new Set(insecure)].join(', ')} is set without Secure although the page uses TLS: browsers also send it unencrypted.`,
      'Set --proxy-headers ("trust proxy" in Express) so that the server detects TLS, or set secure: true.',
    ),
  ]
}

function clockFindings({ headers }: Answer): Finding[] {
  const there = Date.parse(headers.date ?? '')
  if (Number.isNaN(there)) return []
  const apartMs = Math.abs(there - Date.now())
  if (apartMs <= CLOCK_TOLERANCE_MS) return [ok('clock', 'The clocks of this machine and of the server agree.')]
  const found = `The clock of the server differs from this machine's by ${Math.round(apartMs / 1000)} s: tokens and sessions expire too early or too late.`
  return [warning('clock', found, 'Synchronize both machines with a time server (chrony, systemd-timesyncd).')]
}
