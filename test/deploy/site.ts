import { execFile } from 'node:child_process'
import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

import { RedisServer } from '../../packages/redis/test/redis-server.ts'
import { startProgram, type RunningProgram } from '../setup/child-process.ts'
import { programPath } from '../setup/describe-with.ts'
import { freePort } from '../setup/free-port.ts'
import { compileProgram, bundledTideway } from '../setup/compiled.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))

/** The name that the files in deploy/ serve. */
export const SITE_NAME = 'chat.example.com'

/** A server of the site that can end and begin again at the same address. */
export interface TidewayProcess {
  /** As `tideway serve` takes it: `--unix-socket=…` or `--listen=…`. */
  readonly flag: string
  /** The path of its Unix socket, or its `host:port`. */
  readonly address: string
  /** Of the process that it is now. */
  pid(): number | undefined
  /** Ends it as systemd would, waits for its end, and starts it again. */
  restart(): Promise<void>
  /** It is gone at once, as after a crash. */
  kill(): Promise<void>
  start(): Promise<void>
  stop(): Promise<void>
}

/** Everything behind a proxy: a web server, two tideway processes, and the Redis between them. */
export interface Site {
  readonly folder: string
  readonly webPort: number
  /** The first listens on a Unix socket, the second on a port. */
  readonly processes: readonly [TidewayProcess, TidewayProcess]
  stop(): Promise<void>
}

/** Starts all of it, side by side. */
export async function startSite(): Promise<Site> {
  const folder = await mkdtemp(join(tmpdir(), 'tideway-deploy-'))
  // The workers of a proxy are another user, and have to reach the socket in it.
  await chmod(folder, 0o755)
  const redis = await RedisServer.start()
  // Proxies in tests are on this machine, and so are the clients: of 127.0.0.0/8 only the proxy itself is trusted.
  const env = {
    CHAT_DATABASE: join(folder, 'chat.db'),
    REDIS_URL: redis.url,
    SESSION_SECRET: 'the secret of the test',
    TRUST_PROXY: '127.0.0.1',
  }
  const socket = join(folder, '1.sock')
  const port = `127.0.0.1:${await freePort()}`
  const processes = [
    tidewayProcess(`--unix-socket=${socket}`, socket, env),
    tidewayProcess(`--listen=${port}`, port, env),
  ] as const
  const web = startProgram(process.execPath, [compileProgram(new URL('fixture/web.ts', import.meta.url))], {
    cwd: root,
    ready: /Web on (\d+)/,
    startTimeoutMs: 60_000,
    env,
  })
  const started = await Promise.allSettled([web, ...processes.map((one) => one.start())])
  const stop = async (): Promise<void> => {
    await Promise.all([web.then((program) => program.stop()), ...processes.map((one) => one.stop())])
    await redis.stop()
    await rm(folder, { recursive: true, force: true })
  }
  const failed = started.find((one) => one.status === 'rejected')
  if (failed !== undefined) {
    await stop().catch(() => {})
    throw failed.reason
  }
  return { folder, webPort: Number((await web).readyMatch?.[1]), processes, stop }
}

function tidewayProcess(flag: string, address: string, env: Readonly<Record<string, string>>): TidewayProcess {
  let program: RunningProgram | undefined
  const flags = [
    flag,
    '--unix-socket-mode=666',
    '--proxy-headers',
    '--trusted-proxies=127.0.0.1,unix',
    '--readiness-path=/readyz',
    '--drain-window=0.3',
    '--ping-interval=0.5',
  ]
  const start = async (): Promise<void> => {
    const application = compileProgram(new URL('fixture/application.ts', import.meta.url))
    const args = [bundledTideway, 'serve', application, ...flags]
    program = await startProgram(process.execPath, args, {
      cwd: root,
      ready: /Listening on/,
      // On a machine that is busy with other tests.
      startTimeoutMs: 60_000,
      stopTimeoutMs: 20_000,
      env,
    })
  }
  const stop = async (): Promise<void> => {
    await program?.stop()
    program = undefined
  }
  return {
    flag,
    address,
    pid: () => program?.pid,
    start,
    stop,
    async restart() {
      await stop()
      await start()
    },
    async kill() {
      process.kill(program!.pid, 'SIGKILL')
      await program!.exited
    },
  }
}

/** A certificate for {@link SITE_NAME} that only the test's clients trust. */
export interface Certificate {
  readonly certificate: string
  readonly key: string
}

/** Makes one with openssl, as files in the folder. */
export async function selfSigned(folder: string): Promise<Certificate> {
  const [certificate, key] = [join(folder, 'fullchain.pem'), join(folder, 'privkey.pem')]
  const kind = ['-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2']
  const names = ['-subj', `/CN=${SITE_NAME}`, '-addext', `subjectAltName=DNS:${SITE_NAME}`]
  const files = ['-keyout', key, '-out', certificate]
  await promisify(execFile)(programPath('openssl'), ['req', ...kind, ...names, ...files])
  return { certificate, key }
}
