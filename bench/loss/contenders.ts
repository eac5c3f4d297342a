import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { benchFolder } from '../src/programs.ts'
import { NOT_INSTALLED, servers, versionIn } from '../src/servers.ts'
import { ownProgram } from './child.ts'
import type { DialectName } from './load-report.ts'

/** A server of the bench of loss. */
export interface Contender {
  /** As `--servers` names it. */
  readonly key: string
  readonly name: string
  readonly dialect: DialectName
  readonly program: string
  readonly env: Readonly<Record<string, string>>
  readonly needsRedis: boolean
  version(): string
  /** Why it cannot be measured here. */
  missing?(): string | undefined
}

const installed = (name: string): string => join(benchFolder, 'peers/node_modules', name)

function tideway(key: string, name: string, needsRedis: boolean): Contender {
  const { version } = servers.tideway
  return { key, name, dialect: 'tideway', program: ownProgram('servers/tideway'), env: {}, needsRedis, version }
}

function ws(key: string, name: string, needsRedis: boolean): Contender {
  const { version } = servers.ws
  return { key, name, dialect: 'ws', program: ownProgram('servers/ws'), env: {}, needsRedis, version }
}

function socketIo(key: string, name: string, needsRedis: boolean, recovers: boolean): Contender {
  return {
    key,
    name,
    dialect: 'socket.io',
    program: join(benchFolder, 'peers/loss-socket-io.mjs'),
    env: recovers ? { RECOVERY: '1' } : {},
    needsRedis,
    version: () => {
      const version = versionIn(installed('socket.io'))
      return needsRedis ? `${version} (adapter ${versionIn(installed('@socket.io/redis-streams-adapter'))})` : version
    },
    missing: () => (existsSync(installed('@socket.io/redis-streams-adapter')) ? undefined : NOT_INSTALLED),
  }
}

/** In one process. */
export const alone: readonly Contender[] = [
  tideway('tideway', 'tideway', false),
  tideway('tideway-redis', 'tideway, Redis', true),
  socketIo('socket.io', 'Socket.IO', false, false),
  socketIo('socket.io-recovery', 'Socket.IO, recovery', false, true),
  socketIo('socket.io-recovery-redis', 'Socket.IO, recovery, Redis streams', true, true),
  ws('ws', 'ws by hand', false),
]

/** In several processes. */
export const together: readonly Contender[] = [
  tideway('tideway-redis', 'tideway, Redis', true),
  socketIo('socket.io-redis', 'Socket.IO, Redis streams', true, false),
  socketIo('socket.io-recovery-redis', 'Socket.IO, recovery, Redis streams', true, true),
  ws('ws-redis', 'ws by hand, Redis PUBLISH', true),
]
