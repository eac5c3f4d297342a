import { Option } from 'commander'
import type { ServeOptions } from '../server/options.ts'
import * as parse from './parse.ts'

/** A flag of `tideway serve` that stands for one option of `serve()`. */
export interface ServeFlag {
  /** As commander takes it: `-p, --port <port>`. */
  readonly flags: string
  readonly description: string
  /** The option of `serve()` that it sets. */
  readonly option: keyof ServeOptions
  /** What its text is read by; none for a flag without a value. */
  readonly parse?: parse.Parse<unknown>
  /** What the flag stands for by being there. @default true */
  readonly value?: unknown
  readonly choices?: readonly string[]
  /** Several of them add up. */
  readonly isRepeatable?: boolean
  /** The variable that stands in for it. */
  readonly env?: string
  /** What `serve()` takes without it, where the help is to say so by itself. */
  readonly fallback?: unknown
}

/** The flags of `tideway serve` under the headings of its help. */
export const serveFlags: Readonly<Record<string, readonly ServeFlag[]>> = {
  'Where to listen (sockets of systemd are taken when nothing is named):': [
    { ...flag('-p, --port <port>', 'port', 'TCP port; 0 for a free one', parse.port), env: 'PORT', fallback: 8000 },
    { ...flag('-b, --host <host>', 'host', 'name or address'), env: 'HOST', fallback: '127.0.0.1' },
    {
      ...flag('--listen <address>', 'listen', 'another address, as 0.0.0.0:8000 or [::1]:8000; repeatable'),
      parse: parse.tcpAddress,
      isRepeatable: true,
    },
    {
      ...flag(
        '-u, --unix-socket <path>',
        'listen',
        'a Unix socket; one that a dead server left is removed; repeatable',
      ),
      parse: (path) => ({ path }),
      isRepeatable: true,
    },
    {
      ...flag('--fd <number>', 'listen', 'a listening socket that the process inherits; repeatable'),
      parse: parse.descriptor,
      isRepeatable: true,
    },
  ],
  'TLS:': [
    flag('--tls-key <file>', 'tlsKey', 'the private key in PEM; read again at SIGHUP'),
    flag('--tls-cert <file>', 'tlsCert', 'its certificate in PEM, intermediate ones behind it; read again at SIGHUP'),
    flag('--tls-ca <file>', 'tlsCa', 'clients need a certificate that one of these has signed (default: none)'),
    flag(
      '--tls-ciphers <list>',
      'tlsCiphers',
      'cipher suites as OpenSSL names them, with colons (default: Mozilla intermediate, ECDHE only)',
    ),
    flag(
      '--tls-handshake-timeout <seconds>',
      'tlsHandshakeTimeoutMs',
      'for a TLS handshake, then cut (default: 10)',
      parse.seconds,
    ),
    { ...flag('--no-http2', 'http2', 'let clients speak HTTP/1.1 only'), value: false },
    flag(
      '--http2-max-streams <number>',
      'http2MaxStreams',
      'requests and WebSockets at once on a connection of HTTP/2 (default: 100)',
      parse.count,
    ),
  ],
  'The application:': [
    flag('--root-path <path>', 'rootPath', 'where it is mounted: scope.rootPath (default: none)'),
    flag(
      '--allowed-hosts <list>',
      'allowedHosts',
      'requests for other hosts are refused with 400; .example.com has its subdomains (default: any host)',
      parse.list,
    ),
    { ...flag('--no-lifespan', 'lifespan', 'do not tell it of its start-up and shutdown'), value: false },
    flag(
      '--lifespan-timeout <seconds>',
      'lifespanTimeoutMs',
      'for its start-up, and for its shutdown (default: 60)',
      parse.seconds,
    ),
    flag(
      '--http-timeout <seconds>',
      'httpTimeoutMs',
      'to begin a response, then 503 (default: off)',
      parse.orOff(parse.seconds),
    ),
    flag(
      '--connect-timeout <seconds>',
      'connectTimeoutMs',
      'to answer a handshake, then 503 (default: 5)',
      parse.seconds,
    ),
    flag(
      '--application-close-timeout <seconds>',
      'applicationCloseTimeoutMs',
      'to end after its connection (default: 10)',
      parse.seconds,
    ),
  ],
  'Behind proxies:': [
    flag('--proxy-headers', 'proxyHeaders', 'believe X-Forwarded-For and -Proto, or Forwarded'),
    flag(
      '--trusted-proxies <list>',
      'trustedProxies',
      'of these addresses and ranges, or unix; needs --proxy-headers (default: 127.0.0.0/8,::1/128)',
      parse.list,
    ),
  ],
  'WebSockets:': [
    flag(
      '--ping-interval <seconds>',
      'pingIntervalMs',
      'a ping after so long without anything (default: 20; off)',
      parse.orOff(parse.seconds),
    ),
    flag('--ping-timeout <seconds>', 'pingTimeoutMs', 'to answer a ping (default: 30)', parse.seconds),
    flag('--close-timeout <seconds>', 'closeTimeoutMs', 'to answer a close frame (default: 5)', parse.seconds),
    flag(
      '--idle-timeout <seconds>',
      'idleTimeoutMs',
      'without a message, then closed with 1000 (default: off)',
      parse.orOff(parse.seconds),
    ),
    flag(
      '--max-age <seconds>',
      'maxAgeMs',
      'of a connection, then closed with 1000 (default: 86400; off)',
      parse.orOff(parse.seconds),
    ),
    flag(
      '--max-message-size <bytes>',
      'maxMessageBytes',
      'of a client, then closed with 1009 (default: 1M)',
      parse.bytes,
    ),
    flag(
      '--max-inbox-messages <number>',
      'maxInboxMessages',
      'that wait for the application (default: 16)',
      parse.count,
    ),
    flag('--max-inbox-size <bytes>', 'maxInboxBytes', 'that wait for the application (default: 1M)', parse.bytes),
    flag(
      '--high-water-mark <bytes>',
      'highWaterMarkBytes',
      'unsent, above which send() waits (default: 1M)',
      parse.bytes,
    ),
    flag(
      '--max-buffered <bytes>',
      'maxBufferedBytes',
      'unsent, above which it is closed with 1013 (default: 16M)',
      parse.bytes,
    ),
    {
      ...flag('--slow-consumer <policy>', 'slowConsumer', 'for clients that do not read (default: close)'),
      choices: ['close', 'drop', 'wait'],
    },
    flag(
      '--slow-consumer-timeout <seconds>',
      'slowConsumerTimeoutMs',
      'above the high-water mark (default: 30)',
      parse.seconds,
    ),
    { ...flag('--compression', 'compression', 'permessage-deflate, for clients that offer it'), value: {} },
    {
      ...flag(
        '--compression-no-context',
        'compression',
        'the same, and clients compress each message for itself: up to 64 KiB less for each, but some do not obey',
      ),
      value: { clientNoContextTakeover: true },
    },
  ],
  'Limits:': [
    flag(
      '--max-connections <number>',
      'maxConnections',
      'at once, then 503 (default: 100000; off)',
      parse.orOff(parse.count),
    ),
    flag(
      '--max-connections-per-address <number>',
      'maxConnectionsPerAddress',
      'at once, then 429 (default: off)',
      parse.orOff(parse.count),
    ),
    flag(
      '--max-buffered-total <bytes>',
      'maxBufferedBytesTotal',
      'kept for all clients, then the largest are cut (default: a quarter of the heap; off)',
      parse.orOff(parse.bytes),
    ),
    flag(
      '--max-messages-per-second <number>',
      'maxMessagesPerSecond',
      'of one client, then closed with 1008 (default: off)',
      parse.orOff(parse.amount),
    ),
    flag(
      '--max-bytes-per-second <bytes>',
      'maxBytesPerSecond',
      'of one client, then closed with 1008 (default: off)',
      parse.orOff(parse.bytes),
    ),
    flag(
      '--rate-burst <seconds>',
      'rateBurstSeconds',
      'worth of both that a quiet client may send at once (default: 5)',
      parse.amount,
    ),
    flag(
      '--max-pipelined-requests <number>',
      'maxPipelinedRequests',
      'that run at once on a connection of HTTP/1.1, others wait (default: 128)',
      parse.count,
    ),
    flag(
      '--max-requests-per-connection <number>',
      'maxRequestsPerConnection',
      'of HTTP, then it is closed (default: 1000; off)',
      parse.orOff(parse.count),
    ),
    flag('--max-headers <number>', 'maxHeaders', 'of a request, then 431 (default: 100)', parse.count),
    flag('--max-header-size <bytes>', 'maxHeaderBytes', 'of all headers, then 431 (default: 16k)', parse.bytes),
    flag(
      '--headers-timeout <seconds>',
      'headersTimeoutMs',
      'to send all headers, then 408 (default: 10)',
      parse.seconds,
    ),
    flag(
      '--request-timeout <seconds>',
      'requestTimeoutMs',
      'to send a whole request, then 408 (default: 300)',
      parse.seconds,
    ),
    flag(
      '--send-timeout <seconds>',
      'sendTimeoutMs',
      'without progress while bytes wait for a client, then cut (default: 60)',
      parse.seconds,
    ),
    flag('--keep-alive-timeout <seconds>', 'keepAliveTimeoutMs', 'between two requests (default: 5)', parse.seconds),
  ],
  'Stopping:': [
    flag(
      '--drain-window <seconds>',
      'drainWindowMs',
      'over which WebSockets are closed, with 1012 (default: 5)',
      parse.seconds,
    ),
    flag('--drain-timeout <seconds>', 'drainTimeoutMs', 'then what is left is cut (default: 10)', parse.seconds),
    flag('--readiness-path <path>', 'readinessPath', 'answered with 200, and with 503 while stopping (default: none)'),
  ],
  'For operators:': [
    flag('--metrics-port <port>', 'metricsPort', 'for /metrics, /healthz and /readyz (default: none)', parse.port),
    flag(
      '--secret-query-names <list>',
      'secretQueryNames',
      'more query parameters whose values are left out of logs (default: none)',
      parse.list,
    ),
    flag('--metrics-host <host>', 'metricsHost', 'name or address of that (default: 127.0.0.1)'),
  ],
}

function flag(flags: string, option: keyof ServeOptions, description: string, read?: parse.Parse<unknown>): ServeFlag {
  return { flags, option, description, ...(read && { parse: read }) }
}

/** The flag as commander's. */
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
