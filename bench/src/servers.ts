import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { benchFolder, floorProgram } from './programs.ts'
import type { Command } from './server-process.ts'

/** How a server is started for a measurement. */
export interface Variant {
  readonly env?: Readonly<Record<string, string>>
  /** Behind the port. */
  readonly args?: readonly string[]
}

/** A server of the bench. All have the same paths but Socket.IO, which has one. */
export interface Server {
  /** As `--peers` names it. */
  readonly name: string
  readonly chat: string
  readonly echo: string
  readonly dialect?: 'socket.io'
  command(variant: Variant): Command
  version(): string
  /** Why it cannot be had here, and how it could. */
  missing?(): string | undefined
}

const peers = join(benchFolder, 'peers')
const installed = (name: string): string => join(peers, 'node_modules', name)
const paths = { chat: '/ws/chat/#/', echo: '/ws/json-echo/' }

/** A server of ours in servers/, compiled to dist/. */
function own(file: string, { env = {}, args = [] }: Variant): Command {
  return { command: process.execPath, args: [join(benchFolder, 'dist/servers', `${file}.js`), 'PORT', ...args], env }
}

/** A server on a package that only the bench needs. */
function fromNpm(name: string, packageName: string, file: string): Server {
  return {
    name,
    ...paths,
    command: ({ env = {}, args = [] }) => ({
      command: process.execPath,
      args: [join(peers, file), 'PORT', ...args],
      env,
    }),
    version: () => versionIn(installed(packageName)),
    missing: () => (existsSync(installed(packageName)) ? undefined : NOT_INSTALLED),
  }
}

export const NOT_INSTALLED: string = 'not installed; npm run bench -- peers installs it'

export function versionIn(folder: string): string {
  return (JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as { version: string }).version
}

function versionOfDependency(name: string): string {
  const { resolve } = createRequire(import.meta.url)
  return versionIn(join(resolve(`${name}/package.json`), '..'))
}

function tidewayVersion(): string {
  const version = versionIn(join(benchFolder, '../packages/tideway'))
  const git = spawnSync('git', ['rev-parse', '--short', 'HEAD'], { cwd: benchFolder, encoding: 'utf8' })
  return git.status === 0 ? `${version} (${git.stdout.trim()})` : version
}

/** The servers that `tideway` selects on the command line. */
const commandLine = join(benchFolder, '../node_modules/.bin/tideway')

const PYTHON = '/usr/bin/python3'

function channels(name: string, server: 'uvicorn' | 'daphne', args: readonly string[]): Server {
  return {
    name,
    ...paths,
    command: ({ env = {} }) => ({
      command: PYTHON,
      args: ['-m', server, ...args, 'asgi:application'],
      env: { PYTHONPATH: join(peers, 'django'), ...env },
    }),
    version: () => execFileSync(PYTHON, ['-c', versionsOf(server)], { encoding: 'utf8' }).trim(),
    missing: () =>
      spawnSync(PYTHON, ['-c', `import channels, channels_redis, ${server}`], { stdio: 'ignore' }).status === 0
        ? undefined
        : `not installed; on Debian: apt-get install python3-django-channels python3-channels-redis python3-${server}`,
  }
}

function versionsOf(server: string): string {
  return `import channels, ${server}, sys; print(channels.__version__, '(${server}', ${server}.__version__ + ', Python', sys.version.split()[0] + ')')`
}

const bun = join(installed('bun'), 'bin/bun.exe')

export const servers = {
  tideway: { name: 'tideway', ...paths, command: (variant) => own('tideway', variant), version: tidewayVersion },
  ws: { name: 'ws', ...paths, command: (variant) => own('ws', variant), version: () => versionOfDependency('ws') },
  preframed: {
    name: 'ws, one prebuilt frame',
    ...paths,
    command: (variant) => own('ws-preframed', variant),
    version: () => versionOfDependency('ws'),
  },
  'socket.io': {
    ...fromNpm('Socket.IO', 'socket.io', 'socket-io.mjs'),
    chat: '/socket.io/?EIO=4&transport=websocket&room=#',
    echo: '/socket.io/?EIO=4&transport=websocket&echo=1',
    dialect: 'socket.io',
  },
  crossws: fromNpm('crossws', 'crossws', 'crossws.mjs'),
  uws: fromNpm('uWebSockets.js', '@trufflesuite/uws-js-unofficial', 'uwebsockets.mjs'),
  bun: {
    ...fromNpm('Bun', 'bun', 'bun.mjs'),
    command: ({ env = {} }) => ({ command: bun, args: [join(peers, 'bun.mjs'), 'PORT'], env }),
    missing: () => (existsSync(bun) ? undefined : NOT_INSTALLED),
  },
  uvicorn: channels('Channels on uvicorn', 'uvicorn', ['--port', 'PORT', '--log-level', 'error', '--no-access-log']),
  daphne: channels('Channels on Daphne', 'daphne', ['-v', '0', '-b', '127.0.0.1', '-p', 'PORT']),
  floor: {
    name: 'C, one write a delivery',
    ...paths,
    command: ({ args = [] }) => ({ command: floorProgram(), args: ['PORT', ...args] }),
    version: () => execFileSync('cc', ['--version'], { encoding: 'utf8' }).split('\n')[0]!,
  },
  /** `tideway serve` with as many workers as its arguments say. */
  workers: {
    name: 'tideway',
    ...paths,
    command: ({ args = [] }) => ({
      command: process.execPath,
      args: [commandLine, 'serve', join(benchFolder, 'dist/servers/workers/application.js'), '--port', 'PORT', ...args],
      ready: 'Listening on',
    }),
    version: tidewayVersion,
  },
  http: { name: 'tideway', ...paths, command: (variant) => own('http', variant), version: tidewayVersion },
} as const satisfies Record<string, Server>

export type ServerKey = keyof typeof servers

/** Always measured, with any selection of servers. */
export const ownServers: readonly ServerKey[] = ['tideway', 'workers', 'http']
