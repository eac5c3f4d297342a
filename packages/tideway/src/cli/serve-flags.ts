import { Option } from 'commander'
import type { ServeOptions } from '../server/options.ts'
import { defaultText } from './default-text.ts'
import * as parse from './parse.ts'

/** A flag of `tideway serve` that sets one option of `serve()`. */
export interface ServeFlag {
  /** In the syntax of commander: `-p, --port <port>`. */
  readonly flags: string
  readonly description: string
  /** The option of `serve()` that it sets. */
  readonly option: keyof ServeOptions
  /** Parses the value; `undefined` for a flag without a value. */
  readonly parse?: parse.Parse<unknown>
  /** The value of the option for a flag without a value. @default true */
  readonly value?: unknown
  readonly choices?: readonly string[]
  /** Whether the values of several such flags form a list. */
  readonly isRepeatable?: boolean
  /** The environment variable that replaces the default. */
  readonly env?: string
  /** The default of commander, which prints it in the help. */
  readonly fallback?: unknown
}

/** The flags of `tideway serve` under the headings of its help. */
export const serveFlags: Readonly<Record<string, readonly ServeFlag[]>> = {
  'Addresses (without any of them, the sockets of systemd if there are some):': [
    { ...flag('-p, --port <port>', 'port', 'TCP port; 0 for a free one', parse.port), env: 'PORT', fallback: 8000 },
    { ...flag('-b, --host <host>', 'host', 'name or address'), env: 'HOST', fallback: '127.0.0.1' },
    {
      ...flag('--listen <address>', 'listen', 'another address, such as 0.0.0.0:8000 or [::1]:8000; repeatable'),
      parse: parse.tcpAddress,
      isRepeatable: true,
    },
    {
      ...flag('-u, --unix-socket <path>', 'listen', 'a Unix socket; the file of a dead server is removed; repeatable'),
      parse: (path) => ({ path }),
      isRepeatable: true,
    },
    {
      ...flag('--fd <number>', 'listen', 'an inherited listening socket; repeatable'),
      parse: parse.descriptor,
      isRepeatable: true,
    },
  ],
  'TLS:': [
    flag('--tls-key <file>', 'tlsKey', 'private key in PEM; SIGHUP reads it again'),
    flag('--tls-cert <file>', 'tlsCert', 'certificate in PEM, then intermediate ones; SIGHUP reads it again'),
    flag('--tls-ca <file>', 'tlsCa', 'clients need a certificate signed by one of these (default: none)'),
    flag(
      '--tls-ciphers <list>',
      'tlsCiphers',
      'cipher suites in OpenSSL syntax, with colons (default: Mozilla intermediate, ECDHE only)',
    ),
    withDefault(
      '--tls-handshake-timeout <seconds>',
      'tlsHandshakeTimeoutMs',
      'longest TLS handshake, then the connection is destroyed',
      parse.seconds,
    ),
    { ...flag('--no-http2', 'http2', 'offer only HTTP/1.1'), value: false },
    withDefault(
      '--http2-max-streams <number>',
      'http2MaxStreams',
      'most requests and WebSockets at once per HTTP/2 connection',
      parse.count,
    ),
  ],
  'The application:': [
    flag('--root-path <path>', 'rootPath', 'path where it is mounted: scope.rootPath (default: none)'),
    flag(
      '--allowed-hosts <list>',
      'allowedHosts',
      'requests for other hosts get 400; .example.com includes its subdomains (default: any host)',
      parse.list,
    ),
    { ...flag('--no-lifespan', 'lifespan', 'do not send it lifespan events'), value: false },
    withDefault(
      '--lifespan-timeout <seconds>',
      'lifespanTimeoutMs',
      'longest startup, and longest shutdown',
      parse.seconds,
    ),
    orOff('--http-timeout <seconds>', 'httpTimeoutMs', 'longest wait for its response, then 503', parse.seconds),
    withDefault(
      '--connect-timeout <seconds>',
      'connectTimeoutMs',
      'longest wait for its answer to a handshake, then 503',
      parse.seconds,
    ),
    withDefault(
      '--application-close-timeout <seconds>',
      'applicationCloseTimeoutMs',
      'longest wait for its end after the end of a connection',
      parse.seconds,
    ),
  ],
  'Behind proxies:': [
    flag('--proxy-headers', 'proxyHeaders', 'trust X-Forwarded-For and -Proto, or Forwarded'),
    withDefault(
      '--trusted-proxies <list>',
      'trustedProxies',
      'addresses and ranges of the proxies, or unix; needs --proxy-headers',
      parse.list,
    ),
  ],
  'WebSockets:': [
    orOff('--ping-interval <seconds>', 'pingIntervalMs', 'silence before a ping', parse.seconds),
    withDefault('--ping-timeout <seconds>', 'pingTimeoutMs', 'longest wait for a pong', parse.seconds),
    withDefault('--close-timeout <seconds>', 'closeTimeoutMs', 'longest wait for a close frame', parse.seconds),
    orOff(
      '--idle-timeout <seconds>',
      'idleTimeoutMs',
      'longest time without a message, then closed with 1000',
      parse.seconds,
    ),
    orOff('--max-age <seconds>', 'maxAgeMs', 'longest connection, then closed with 1000', parse.seconds),
    withDefault(
      '--max-message-size <bytes>',
      'maxMessageBytes',
      'largest message of a client, then closed with 1009',
      parse.bytes,
    ),
    withDefault(
      '--max-inbox-messages <number>',
      'maxInboxMessages',
      'most messages that wait for the application',
      parse.count,
    ),
    withDefault('--max-inbox-size <bytes>', 'maxInboxBytes', 'most bytes that wait for the application', parse.bytes),
    withDefault(
      '--high-water-mark <bytes>',
      'highWaterMarkBytes',
      'unsent bytes above which send() waits',
      parse.bytes,
    ),
    withDefault('--max-buffered <bytes>', 'maxBufferedBytes', 'most unsent bytes, then closed with 1013', parse.bytes),
    {
      ...withDefault('--slow-consumer <policy>', 'slowConsumer', 'policy for clients that do not read'),
      choices: ['close', 'drop', 'wait'],
    },
    withDefault(
      '--slow-consumer-timeout <seconds>',
      'slowConsumerTimeoutMs',
      'longest time above the high-water mark',
      parse.seconds,
    ),
    { ...flag('--compression', 'compression', 'permessage-deflate, for clients that offer it'), value: {} },
    {
      ...flag(
        '--compression-no-context',
        'compression',
        'the same, but each message of a client is compressed separately: saves up to 64 KiB per client, but some ignore it',
      ),
      value: { clientNoContextTakeover: true },
    },
  ],
  'Limits:': [
    orOff('--max-connections <number>', 'maxConnections', 'most connections, then 503', parse.count),
    orOff(
      '--max-connections-per-address <number>',
      'maxConnectionsPerAddress',
      'most connections per address, then 429',
      parse.count,
    ),
    flag(
      '--max-buffered-total <bytes>',
      'maxBufferedBytesTotal',
      'most bytes buffered for all clients, then the largest are destroyed (default: a quarter of the heap; off)',
      parse.orOff(parse.bytes),
    ),
    orOff(
      '--max-messages-per-second <number>',
      'maxMessagesPerSecond',
      'most messages per client, then closed with 1008',
      parse.amount,
    ),
    orOff(
      '--max-bytes-per-second <bytes>',
      'maxBytesPerSecond',
      'most bytes per client, then closed with 1008',
      parse.bytes,
    ),
    withDefault(
      '--rate-burst <seconds>',
      'rateBurstSeconds',
      'burst after silence, in seconds of both rates',
      parse.amount,
    ),
    withDefault(
      '--max-pipelined-requests <number>',
      'maxPipelinedRequests',
      'most running requests per HTTP/1.1 connection, more wait',
      parse.count,
    ),
    orOff(
      '--max-requests-per-connection <number>',
      'maxRequestsPerConnection',
      'most HTTP requests, then the connection closes',
      parse.count,
    ),
    withDefault('--max-headers <number>', 'maxHeaders', 'most headers of a request, then 431', parse.count),
    withDefault('--max-header-size <bytes>', 'maxHeaderBytes', 'largest headers in all, then 431', parse.bytes),
    withDefault(
      '--headers-timeout <seconds>',
      'headersTimeoutMs',
      'longest wait for all headers, then 408',
      parse.seconds,
    ),
    withDefault(
      '--request-timeout <seconds>',
      'requestTimeoutMs',
      'longest wait for a whole request, then 408',
      parse.seconds,
    ),
    withDefault(
      '--send-timeout <seconds>',
      'sendTimeoutMs',
      'longest time without progress while bytes wait for a client, then destroyed',
      parse.seconds,
    ),
    withDefault(
      '--keep-alive-timeout <seconds>',
      'keepAliveTimeoutMs',
      'longest time between two requests',
      parse.seconds,
    ),
  ],
  'Stopping:': [
    withDefault(
      '--drain-window <seconds>',
      'drainWindowMs',
      'time over which WebSockets are closed with 1012',
      parse.seconds,
    ),
    withDefault(
      '--drain-timeout <seconds>',
      'drainTimeoutMs',
      'longest drain, then the rest is destroyed',
      parse.seconds,
    ),
    flag('--readiness-path <path>', 'readinessPath', 'answers 200, and 503 while stopping (default: none)'),
  ],
  'For operators:': [
    flag('--metrics-port <port>', 'metricsPort', 'port of /metrics, /healthz and /readyz (default: none)', parse.port),
    flag(
      '--inspector-token-file <file>',
      'inspectorToken',
      'turns on the inspector, /inspector on the metrics port, with the token in the file (default: off)',
      parse.firstLineOf,
    ),
    flag(
      '--secret-query-names <list>',
      'secretQueryNames',
      'more query parameters whose values are not logged (default: none)',
      parse.list,
    ),
    flag('--metrics-host <host>', 'metricsHost', 'name or address for the metrics port (default: 127.0.0.1)'),
  ],
}

function flag(flags: string, option: keyof ServeOptions, description: string, read?: parse.Parse<unknown>): ServeFlag {
  return { flags, option, description, ...(read && { parse: read }) }
}

/** A flag whose help ends with the default of its option. */
function withDefault(
  flags: string,
  option: keyof ServeOptions,
  description: string,
  read?: parse.Parse<unknown>,
): ServeFlag {
  return flag(flags, option, `${description} (default: ${defaultText(flags, option)})`, read)
}

/** A flag with a default that also takes `off`. */
function orOff(flags: string, option: keyof ServeOptions, description: string, read: parse.Parse<unknown>): ServeFlag {
  const text = defaultText(flags, option)
  return flag(flags, option, `${description} (default: ${text === 'off' ? text : `${text}; off`})`, parse.orOff(read))
}

/** The option of commander for a flag. */
export function optionOf(one: ServeFlag): Option {
  const { flags, description, parse: read, choices, isRepeatable = false, env, fallback } = one
  const option = new Option(flags, description)
  if (env !== undefined) option.env(env)
  if (fallback !== undefined) option.default(fallback)
  if (choices !== undefined) option.choices([...choices])
  if (isRepeatable) {
    option.argParser<readonly unknown[] | undefined>((text, before) => [...(before ?? []), read!(text)])
  } else if (read !== undefined) option.argParser(read)
  return option
}
