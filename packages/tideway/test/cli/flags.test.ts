import { availableParallelism } from 'node:os'
import { CommanderError } from 'commander'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import type { ProcessOptions } from '../../src/cli/processes/process-options.ts'
import { serveProgram } from '../../src/cli/serve-program.ts'
import { resolveOptions, type ServeOptions } from '../../src/server/options.ts'

/** What a command line asks for that is no option of `serve()`. */
async function processesOf(...args: readonly string[]): Promise<Omit<ProcessOptions, 'reopenLogs'>> {
  let processes: ProcessOptions | undefined
  const program = serveProgram((_file, _options, given) => {
    processes = given
    return Promise.resolve()
  })
  program.exitOverride().configureOutput({ writeErr: () => {} })
  await program.parseAsync(['application.js', ...args], { from: 'user' })
  const { reopenLogs, ...rest } = processes!
  expect(reopenLogs).toBeTypeOf('function')
  return rest
}

/** The options that a command line leads to, without the logger that it always has. */
async function optionsOf(...args: readonly string[]): Promise<Partial<ServeOptions>> {
  let options: ServeOptions | undefined
  const program = serveProgram((_file, given) => {
    options = given
    return Promise.resolve()
  })
  program.exitOverride().configureOutput({ writeErr: () => {} })
  await program.parseAsync(['application.js', ...args], { from: 'user' })
  const { logger, ...rest } = options!
  expect(logger).toBeDefined()
  return rest
}

describe('a flag of tideway serve', () => {
  it.each<[line: string, options: ServeOptions]>([
    ['', {}],
    ['-p 80', { port: 80 }],
    ['--port 0 --host ::1', { port: 0, host: '::1' }],
    [
      '--listen 0.0.0.0:80 --listen [::1]:81',
      {
        listen: [
          { host: '0.0.0.0', port: 80 },
          { host: '[::1]', port: 81 },
        ],
      },
    ],
    ['--secret-query-names wristband,pass-phrase', { secretQueryNames: ['wristband', 'pass-phrase'] }],
    ['--allowed-hosts example.com,.example.org', { allowedHosts: ['example.com', '.example.org'] }],
    ['-u /run/a.sock', { listen: [{ path: '/run/a.sock' }] }],
    [
      '-u /a --unix-socket-mode 660 --listen a:1',
      {
        listen: [
          { host: 'a', port: 1 },
          { path: '/a', mode: 0o660 },
        ],
      },
    ],
    ['--fd 3 --fd 4', { listen: [{ fd: 3 }, { fd: 4 }] }],
    ['--tls-key k.pem --tls-cert c.pem', { tlsKey: 'k.pem', tlsCert: 'c.pem' }],
    ['--tls-ca ca.pem --tls-handshake-timeout 3', { tlsCa: 'ca.pem', tlsHandshakeTimeoutMs: 3000 }],
    ['--no-http2', { http2: false }],
    ['--http2-max-streams 8', { http2MaxStreams: 8 }],
    ['--root-path /chat', { rootPath: '/chat' }],
    ['--no-lifespan', { lifespan: false }],
    ['--lifespan-timeout 1.5', { lifespanTimeoutMs: 1500 }],
    ['--http-timeout 30', { httpTimeoutMs: 30_000 }],
    ['--http-timeout off', { httpTimeoutMs: false }],
    ['--connect-timeout 2', { connectTimeoutMs: 2000 }],
    ['--application-close-timeout 3', { applicationCloseTimeoutMs: 3000 }],
    [
      '--proxy-headers --trusted-proxies unix,10.0.0.0/8',
      { proxyHeaders: true, trustedProxies: ['unix', '10.0.0.0/8'] },
    ],
    ['--ping-interval 10 --ping-timeout 5', { pingIntervalMs: 10_000, pingTimeoutMs: 5000 }],
    ['--ping-interval off --close-timeout 0.5', { pingIntervalMs: false, closeTimeoutMs: 500 }],
    ['--idle-timeout 60 --max-age off', { idleTimeoutMs: 60_000, maxAgeMs: false }],
    ['--max-message-size 64k', { maxMessageBytes: 65_536 }],
    ['--max-inbox-messages 4 --max-inbox-size 2M', { maxInboxMessages: 4, maxInboxBytes: 2_097_152 }],
    ['--high-water-mark 1000 --max-buffered 2000', { highWaterMarkBytes: 1000, maxBufferedBytes: 2000 }],
    ['--slow-consumer drop --slow-consumer-timeout 9', { slowConsumer: 'drop', slowConsumerTimeoutMs: 9000 }],
    ['--tls-ciphers TLS_AES_128_GCM_SHA256', { tlsCiphers: 'TLS_AES_128_GCM_SHA256' }],
    ['--compression', { compression: {} }],
    ['--compression-no-context', { compression: { clientNoContextTakeover: true } }],
    ['--max-connections 10 --max-connections-per-address 2', { maxConnections: 10, maxConnectionsPerAddress: 2 }],
    ['--max-buffered-total 1024M', { maxBufferedBytesTotal: 1_073_741_824 }],
    ['--max-connections off', { maxConnections: false }],
    ['--max-messages-per-second 0.5 --rate-burst 20', { maxMessagesPerSecond: 0.5, rateBurstSeconds: 20 }],
    ['--max-bytes-per-second 1k', { maxBytesPerSecond: 1024 }],
    [
      '--max-pipelined-requests 4 --max-requests-per-connection 100',
      { maxPipelinedRequests: 4, maxRequestsPerConnection: 100 },
    ],
    ['--max-requests-per-connection off', { maxRequestsPerConnection: false }],
    ['--max-headers 50 --max-header-size 8k', { maxHeaders: 50, maxHeaderBytes: 8192 }],
    ['--headers-timeout 1 --request-timeout 2', { headersTimeoutMs: 1000, requestTimeoutMs: 2000 }],
    ['--send-timeout 30', { sendTimeoutMs: 30_000 }],
    ['--keep-alive-timeout 75', { keepAliveTimeoutMs: 75_000 }],
    ['--drain-window 0 --drain-timeout 30', { drainWindowMs: 0, drainTimeoutMs: 30_000 }],
    ['--readiness-path /readyz', { readinessPath: '/readyz' }],
    ['--metrics-port 9100 --metrics-host 0.0.0.0', { metricsPort: 9100, metricsHost: '0.0.0.0' }],
  ])('"%s" becomes %j', async (line, options) => {
    const given = await optionsOf(...line.split(' ').filter((word) => word !== ''))
    expect(given).toEqual(options)
    expect(() => resolveOptions(given)).not.toThrow()
  })

  it.each([
    '--port 65536',
    '--port -1',
    '--metrics-port http',
    '--listen 8000',
    '--listen ::1:8000',
    '--fd three',
    '--unix-socket-mode rw',
    '--ping-interval never',
    '--ping-timeout off',
    '--max-message-size 1G',
    '--max-message-size 0',
    '--max-connections 1.5',
    '--max-messages-per-second 0',
    '--trusted-proxies a,,b',
    '--slow-consumer ignore',
    '--verbosity 4',
    '--access-log-format xml',
    '--no-such-flag',
    'second-file.js',
  ])('"%s" is refused', async (line) => {
    await expect(optionsOf(...line.split(' '))).rejects.toThrow(CommanderError)
  })

  it('refuses --trusted-proxies without --proxy-headers', async () => {
    await expect(optionsOf('--trusted-proxies', '10.0.0.0/8')).rejects.toMatchObject({
      code: 'ERR_BAD_OPTION',
      message: '--trusted-proxies has no effect without --proxy-headers: give both or neither.',
    })
  })

  it('opens a writable access log, and refuses another', async () => {
    expect((await optionsOf('--access-log', '-')).accessLog).toBeTypeOf('function')
    await expect(optionsOf('--access-log', '/no/such/folder/log')).rejects.toMatchObject({ code: 'ERR_BAD_OPTION' })
  })
})

describe('the process flags of tideway serve', () => {
  it('default to one worker and thirty seconds after the drain', async () => {
    expect(await processesOf()).toEqual({
      workers: 1,
      workersFrom: '--workers',
      exitTimeoutMs: 30_000,
      reload: false,
    })
  })

  it('set the number of workers', async () => {
    expect(await processesOf('--workers', '4')).toMatchObject({ workers: 4, workersFrom: '--workers' })
    expect(await processesOf('-w', 'auto')).toMatchObject({ workers: availableParallelism() })
    vi.stubEnv('WEB_CONCURRENCY', '3')
    onTestFinished(() => void vi.unstubAllEnvs())
    expect(await processesOf()).toMatchObject({ workers: 3, workersFrom: 'WEB_CONCURRENCY' })
    expect(await processesOf('--workers', '1')).toMatchObject({ workers: 1, workersFrom: '--workers' })
  })

  it.each(['0', '1025', '-1', '1.5', 'many'])('refuse %s as a number of workers', async (number) => {
    await expect(processesOf('--workers', number)).rejects.toThrow(CommanderError)
  })

  it('set the time limit of the shutdown', async () => {
    expect(await processesOf('--exit-timeout', '1.5')).toMatchObject({ exitTimeoutMs: 1500 })
  })

  it('start one process for --reload despite WEB_CONCURRENCY', async () => {
    expect(await processesOf('--reload')).toMatchObject({ reload: true, workers: 1 })
    await expect(processesOf('--reload', '--workers', '2')).rejects.toThrow(
      '--reload is for development with one process',
    )
    vi.stubEnv('WEB_CONCURRENCY', '3')
    onTestFinished(() => void vi.unstubAllEnvs())
    expect(await processesOf('--reload')).toMatchObject({ reload: true, workers: 1 })
  })

  it('open the access log only in processes that write it', async () => {
    const missing = ['--access-log', '/no/such/folder/log']
    expect((await optionsOf('--workers', '2', ...missing)).accessLog).toBeUndefined()
  })
})

describe('the environment of tideway serve', () => {
  it('sets the port by PORT, unless a flag names an address', async () => {
    vi.stubEnv('PORT', '81')
    onTestFinished(() => void vi.unstubAllEnvs())
    expect(await optionsOf()).toEqual({ port: 81 })
    expect(await optionsOf('--host', '0.0.0.0')).toEqual({ port: 81, host: '0.0.0.0' })
    expect(await optionsOf('--port', '82')).toEqual({ port: 82 })
    expect(await optionsOf('--fd', '3')).toEqual({ listen: [{ fd: 3 }] })
  })

  it('names sockets of systemd by LISTEN_FDS, unless a flag names an address', async () => {
    vi.stubEnv('LISTEN_FDS', '2')
    vi.stubEnv('LISTEN_PID', String(process.pid))
    onTestFinished(() => void vi.unstubAllEnvs())
    expect(await optionsOf()).toEqual({ listen: [{ fd: 3 }, { fd: 4 }] })
    expect(await optionsOf('--port', '1')).toEqual({ port: 1 })
  })
})
