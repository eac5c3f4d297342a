import { execFile } from 'node:child_process'
import { access, constants } from 'node:fs/promises'
import { delimiter, isAbsolute, join } from 'node:path'

/** A program of the system that some suites need, and the Debian packages that bring it. */
export interface SystemProgram {
  /** Every group has to be there; any one name of a group will do. The first group's find is the program's path. */
  readonly commands: readonly (readonly string[])[]
  /** Names of a program that works in its place at a higher cost, where it is missing and cannot be installed. */
  readonly substitutes?: readonly string[]
  /** Modules that the program, then a Python, has to be able to import. */
  readonly pythonModules?: readonly string[]
  readonly debianPackages: readonly string[]
}

const chromiumCommands = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'] as const

/** What suites may ask for in `describeWith`. */
export const systemPrograms = {
  redis: { commands: [['redis-server'], ['redis-cli']], debianPackages: ['redis-server', 'redis-tools'] },
  nginx: { commands: [['nginx']], debianPackages: ['nginx-light'] },
  haproxy: { commands: [['haproxy']], debianPackages: ['haproxy'] },
  caddy: { commands: [['caddy']], debianPackages: ['caddy'] },
  systemd: { commands: [['systemd-analyze']], debianPackages: ['systemd'] },
  chromium: { commands: [chromiumCommands], debianPackages: ['chromium'] },
  // The same engine without a window: a page costs half of the CPU. It has no back/forward cache.
  headlessChromium: {
    commands: [['chromium-headless-shell']],
    substitutes: chromiumCommands,
    debianPackages: ['chromium-headless-shell'],
  },
  python: {
    // Debian's own interpreter, because its packages install for no other.
    commands: [['/usr/bin/python3']],
    pythonModules: ['django', 'channels', 'channels_redis', 'daphne', 'uvicorn', 'websockets', 'cryptography'],
    debianPackages: [
      'python3-django-channels',
      'python3-channels-redis',
      'python3-daphne',
      'python3-uvicorn',
      'python3-websockets',
      'python3-cryptography',
    ],
  },
  pythonClients: {
    commands: [['/usr/bin/python3']],
    pythonModules: ['websockets', 'wsproto', 'autobahn'],
    debianPackages: ['python3-websockets', 'python3-wsproto', 'python3-autobahn'],
  },
  curl: { commands: [['curl']], debianPackages: ['curl'] },
  php: { commands: [['php']], debianPackages: ['php-cli'] },
  nghttp2: { commands: [['nghttp'], ['h2load']], debianPackages: ['nghttp2-client'] },
  openssl: { commands: [['openssl']], debianPackages: ['openssl'] },
  cc: { commands: [['cc', 'gcc', 'clang']], debianPackages: ['gcc', 'libc6-dev'] },
  shellcheck: { commands: [['shellcheck']], debianPackages: ['shellcheck'] },
  wrk: { commands: [['wrk']], debianPackages: ['wrk'] },
} as const satisfies Record<string, SystemProgram>

/** The name of a row of {@link systemPrograms}. */
export type ProgramName = keyof typeof systemPrograms

/** The path of the program, or `undefined` where it, or something that belongs to it, is missing. */
export async function findProgram(program: SystemProgram, searchPath: string): Promise<string | undefined> {
  const found = await Promise.all(program.commands.map((names) => findCommand(names, searchPath)))
  const [path] = found
  if (path === undefined || found.includes(undefined)) return undefined
  if (program.pythonModules !== undefined && !(await canImport(path, program.pythonModules))) return undefined
  return path
}

/** Returns the path of a substitute of the program; `undefined` if there is none. */
export async function findSubstitute(
  { substitutes = [] }: SystemProgram,
  searchPath: string,
): Promise<string | undefined> {
  return findCommand(substitutes, searchPath)
}

async function findCommand(names: readonly string[], searchPath: string): Promise<string | undefined> {
  const folders = searchPath.split(delimiter).filter((folder) => folder !== '')
  const candidates = names.flatMap((name) => (isAbsolute(name) ? [name] : folders.map((folder) => join(folder, name))))
  for (const candidate of candidates) {
    if (await isExecutable(candidate)) return candidate
  }
  return undefined
}

function isExecutable(path: string): Promise<boolean> {
  return access(path, constants.X_OK).then(
    () => true,
    () => false,
  )
}

/** Asks where the modules are without running them: importing Twisted and Django would take most of a second. */
function canImport(python: string, modules: readonly string[]): Promise<boolean> {
  const script = 'import sys; from importlib.util import find_spec; sys.exit(not all(map(find_spec, sys.argv[1:])))'
  return new Promise((resolve) => {
    execFile(python, ['-I', '-c', script, ...modules], (error) => resolve(error === null))
  })
}
