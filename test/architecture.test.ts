import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, dirname, join, posix } from 'node:path'

import { afterAll, describe, expect, it } from 'vitest'

import { allowedRooms, edgeProblems, importCycles, roomOf, type Architecture } from './architecture/edges.ts'
import { filesBelow, importsOf, read, root, sourcesBelow } from './architecture/source-files.ts'

// The house (docs/architecture.md is its picture). This table is the one place that says which way imports run; the
// project references of TypeScript and the rules of oxlint are held equal to it below.
const architecture: Architecture = {
  groundFloor: 'errors',
  rooms: {
    errors: [],
    asgi: [],
    layer: [],
    routing: ['asgi'],
    auth: ['asgi'],
    security: ['asgi'],
    server: ['asgi'],
    consumer: ['asgi', 'layer'],
    live: ['asgi', 'layer', 'consumer'],
    worker: ['asgi', 'layer'],
    application: ['asgi', 'layer', 'routing'],
    testing: ['asgi', 'layer', 'server', 'live'],
    cli: [
      'asgi',
      'layer',
      'routing',
      'auth',
      'security',
      'server',
      'consumer',
      'live',
      'worker',
      'application',
      'testing',
    ],
  },
  floors: {
    server: [
      ['transport'],
      ['handshake'],
      ['websocket'],
      ['http', 'http2'],
      ['limits', 'observe'],
      ['listen'],
      ['metrics', 'inspector'],
    ],
  },
  packages: {
    'packages/tideway': [],
    'packages/redis': ['tideway/layer', 'tideway/layer/kit'],
    'packages/client': [],
  },
  dependencies: {
    commander: ['packages/tideway/src/cli/'],
    'prom-client': ['packages/tideway/src/server/metrics/'],
    tsx: ['packages/tideway/src/cli/', 'packages/tideway/src/worker/'],
    cookie: ['packages/tideway/src/auth/'],
    'cookie-signature': ['packages/tideway/src/auth/'],
    jose: ['packages/tideway/src/auth/'],
    piscina: ['packages/tideway/src/worker/'],
    bullmq: ['packages/tideway/src/worker/'],
    'cron-parser': ['packages/tideway/src/worker/'],
    ioredis: ['packages/redis/src/'],
    '@msgpack/msgpack': ['packages/redis/src/'],
    react: ['packages/client/src/react.ts'],
  },
  browserPackages: ['packages/client'],
}

/** Longer files are two concepts; these are one that cannot be parted. */
const MAX_LINES = 300
const longFiles: Readonly<Record<string, string>> = {
  'packages/tideway/src/server/websocket/websocket-connection.ts': 'one state machine: what an application may send',
  'packages/tideway/src/server/websocket/websocket-peer.ts': 'one state machine: what the peer may send',
  'packages/tideway/src/server/websocket/frame-parser.ts': 'one state machine: where in a frame the next byte stands',
  'packages/tideway/src/layer/log/tail.ts': 'one state machine: the end of a log that opens, repairs and forks',
  'packages/redis/src/connection/redis-connection.ts':
    'one state machine: a connection that reconnects after each loss',
  'packages/redis/src/core/redis-channel-layer.ts': 'one layer: how queues of Redis become channels and groups',
}
const LONGEST = 440

const packageFolders = Object.keys(architecture.packages)
const sourceFolders = packageFolders.map((folder) => `${folder}/src`)
const sources = sourcesBelow(sourceFolders)
const rooms = Object.keys(architecture.rooms)
const builtRooms = rooms.filter((room) => existsSync(join(root, roomFolder(room))))

describe('imports', () => {
  it('follow only edges of the table', () => {
    expect(sources.length).toBeGreaterThan(100)
    expect(edgeProblems(sources, architecture)).toEqual([])
  })

  it('come only from rooms in the table', () => {
    const folders = new Set(sources.map(({ path }) => roomOf(path)).filter((room) => room !== undefined))
    expect(rooms).toEqual(expect.arrayContaining([...folders]))
  })

  it('form no cycle of rooms', () => {
    for (const room of rooms) expect(reachableFrom(room), `the rooms below ${room}/`).not.toContain(room)
  })

  it('form no cycle of files, not even of types', () => {
    expect(importCycles(sources)).toEqual([])
  })

  it('use the names of the packages in examples and benches', () => {
    // The micro benches measure parts that are not exported.
    const byName = sourcesBelow(['examples', 'bench']).filter(({ path }) => !path.startsWith('bench/micro/'))
    const outside = byName.flatMap(({ path, imports }) =>
      imports.filter((specifier) => /(^|\/)packages\//.test(specifier)).map((specifier) => `${path}: ${specifier}`),
    )
    expect(outside).toEqual([])
  })
})

describe('the check of imports', () => {
  const problemsOf = (path: string, specifier: string): string[] =>
    edgeProblems([{ path, imports: [specifier] }], architecture)

  it.each([
    ['packages/tideway/src/server/attach.ts', '../consumer/consumer.ts', 'server/ may import errors, asgi.'],
    ['packages/tideway/src/server/http/a.ts', '../../layer/mailbox.ts', 'server/ may import errors, asgi.'],
    [
      'packages/tideway/src/server/transport/heartbeat.ts',
      '../http/http-exchange.ts',
      'server/transport/ may import no other folder.',
    ],
    [
      'packages/tideway/src/server/websocket/outbox.ts',
      '../limits/token-bucket.ts',
      'server/websocket/ may import transport, handshake.',
    ],
    [
      'packages/tideway/src/server/http/a.ts',
      '../http2/b.ts',
      'server/http/ may import transport, handshake, websocket.',
    ],
    [
      'packages/tideway/src/server/http/a.ts',
      '../options.ts',
      'server/http/ may not import files at the top of server/.',
    ],
    ['packages/tideway/src/server/other/a.ts', '../http/b.ts', 'server/other/ is not in the table of floors.'],
    ['packages/tideway/src/asgi/scope.ts', '../routing/route.ts', 'asgi/ may import errors.'],
    ['packages/tideway/src/errors/codes.ts', '../asgi/scope.ts', 'errors/ may import no other room.'],
    ['packages/tideway/src/auth/login.ts', '../asgi/index.ts', 'an index.ts is for the outside'],
    ['packages/tideway/src/auth/login.ts', './index.ts', 'an index.ts is for the outside'],
    ['packages/tideway/src/consumer/consumer.ts', 'tideway/layer', 'packages/tideway may import no other package.'],
    ['packages/tideway/src/layer/mailbox.ts', 'ioredis', 'ioredis is for packages/redis/src/.'],
    ['packages/tideway/src/layer/mailbox.ts', 'left-pad', 'left-pad is not in the table of dependencies.'],
    ['packages/redis/src/layer/wire.ts', 'tideway', 'packages/redis may import tideway/layer, tideway/layer/kit.'],
    ['packages/redis/src/layer/wire.ts', '../../tideway/src/layer/names.ts', 'import another package by its name.'],
    ['packages/client/src/link.ts', 'node:events', 'packages/client runs in browsers.'],
    ['packages/client/src/link.ts', 'tideway/asgi', 'packages/client may import no other package.'],
    ['packages/client/src/link.ts', 'react', 'react is for packages/client/src/react.ts.'],
  ])('finds that %s imports %s', (path, specifier, problem) => {
    expect(problemsOf(path, specifier)).toEqual([expect.stringContaining(problem)])
  })

  it('accepts imports along the edges', () => {
    expect(problemsOf('packages/tideway/src/server/http/http-exchange.ts', '../../asgi/scope.ts')).toEqual([])
    expect(problemsOf('packages/tideway/src/auth/login.ts', '../errors/tideway-error.ts')).toEqual([])
    expect(problemsOf('packages/tideway/src/index.ts', './server/index.ts')).toEqual([])
    expect(problemsOf('packages/redis/src/layer/redis-layer.ts', 'tideway/layer')).toEqual([])
    expect(problemsOf('packages/redis/src/layer/redis-layer.ts', 'tideway/layer/kit')).toEqual([])
    expect(problemsOf('packages/client/src/react.ts', 'react')).toEqual([])
  })

  it('finds cycles of files', () => {
    const file = (name: string, ...imports: string[]): { path: string; imports: string[] } => ({
      path: `packages/tideway/src/${name}.ts`,
      imports: imports.map((other) => `./${other}.ts`),
    })
    expect(importCycles([file('a', 'b'), file('b', 'c'), file('c')])).toEqual([])
    const circle = [file('above', 'a'), file('a', 'b', 'below'), file('b', 'a'), file('below')]
    expect(importCycles(circle)).toEqual([['packages/tideway/src/a.ts', 'packages/tideway/src/b.ts']])
  })

  it('reads every kind of import', () => {
    const text = `import { a } from './a.ts'
import type { B } from './b.ts'
import {
  c,
  type D,
} from './c.ts'
import './d.ts'
export { e } from './e.ts'
export * from './f.ts'
export const from = 'not this'
// import { x } from './comment.ts'
/**
 * import { x } from './example.ts'
 */
const g = await import('./g.ts')
type H = typeof import('./h.ts')
`
    expect(importsOf(text).toSorted()).toEqual('abcdefgh'.split('').map((name) => `./${name}.ts`))
  })
})

describe('the TypeScript projects', () => {
  it.each(builtRooms)('%s/ is compiled against the rooms that it may import, and no other', (room) => {
    const allowed = allowedRooms(room, architecture).filter((other) => builtRooms.includes(other))
    const expected = allowed.map(roomFolder)
    expect(referencesOf(`${roomFolder(room)}/tsconfig.json`).toSorted()).toEqual(expected.toSorted())
  })

  it('compile the packages against the rooms that they may import', () => {
    expect(referencesOf('packages/tideway/tsconfig.json').toSorted()).toEqual(builtRooms.map(roomFolder).toSorted())
    // The entry points of layer/ import errors/.
    expect(referencesOf('packages/redis/tsconfig.json').toSorted()).toEqual(['errors', 'layer'].map(roomFolder))
    expect(referencesOf('packages/client/tsconfig.json')).toEqual([])
  })

  it('are all part of the type check', () => {
    // Those of the tutorial's parts are its readers'; examples/tutorial/tsconfig.json checks what is in them. Next.js is not
    // installed: `next build` checks what is in its folder.
    const projects = filesBelow(['packages', 'examples', 'test', 'bench', 'docs'], /(^|\/)tsconfig[^/]*\.json$/).filter(
      (project) =>
        (!project.startsWith('examples/tutorial/') || project === 'examples/tutorial/tsconfig.json') &&
        !project.startsWith('examples/integrations/next/') &&
        // A test checks the applications that `tideway init` makes of them.
        !project.startsWith('packages/tideway/templates/'),
    )
    const reached = new Set<string>()
    const visit = (project: string): void => {
      if (reached.has(project)) return
      reached.add(project)
      for (const reference of referencesOf(project)) {
        visit(reference.endsWith('.json') ? reference : `${reference}/tsconfig.json`)
      }
    }
    visit('tsconfig.json')
    expect([...reached].toSorted()).toEqual(['tsconfig.json', ...projects].toSorted())
  })

  it.each(rooms)('the lint rules let %s/ import what the table lets it import', (room) => {
    const isRestricted = restrictionsOf(`${roomFolder(room)}/**`)
    const allowed = allowedRooms(room, architecture)
    for (const other of rooms.filter((name) => name !== room)) {
      for (const specifier of [`../${other}/file.ts`, `../../${other}/inner/file.ts`]) {
        expect(isRestricted(specifier), `${room}/ importing ${specifier} is restricted`).toBe(!allowed.includes(other))
      }
    }
    for (const specifier of ['tideway', 'tideway/layer', '@tideway/redis', './index.ts', '../asgi/index.ts']) {
      expect(isRestricted(specifier), `${room}/ importing ${specifier} is restricted`).toBe(true)
    }
    for (const specifier of ['./file.ts', '../file.ts', './inner/file.ts', 'node:http']) {
      expect(isRestricted(specifier), `${room}/ importing ${specifier} is restricted`).toBe(false)
    }
  })

  it.each(packageFolders.slice(1))('the lint rules let %s import what the table lets it import', (folder) => {
    const isRestricted = restrictionsOf(`${folder}/src/**`)
    const names = ['tideway', '@tideway/redis', '@tideway/client', ...rooms.map((room) => `tideway/${room}`)]
    for (const name of [...names, 'tideway/layer/kit', 'tideway/layer/cluster', 'tideway/layer/contract']) {
      const isAllowed = architecture.packages[folder]!.includes(name)
      expect(isRestricted(name), `${folder} importing ${name} is restricted`).toBe(!isAllowed)
    }
    expect(isRestricted('node:net')).toBe(architecture.browserPackages.includes(folder))
    expect(isRestricted('../../tideway/src/layer/names.ts')).toBe(true)
    expect(isRestricted('./index.ts')).toBe(true)
    expect(isRestricted('./file.ts')).toBe(false)
  })
})

// A copy of the house in small, with one import that runs the wrong way.
describe('a server that imports a consumer', () => {
  const house = mkdtempSync(join(tmpdir(), 'tideway-architecture-'))
  afterAll(() => rmSync(house, { recursive: true }))

  const write = (path: string, text: string): void => {
    mkdirSync(dirname(join(house, path)), { recursive: true })
    writeFileSync(join(house, path), text)
  }
  symlinkSync(join(root, 'node_modules'), join(house, 'node_modules'))
  for (const file of ['.oxlintrc.json', 'tsconfig.base.json']) write(file, read(file))
  for (const room of ['errors', 'asgi', 'layer', 'consumer', 'server']) {
    write(`${roomFolder(room)}/tsconfig.json`, read(`${roomFolder(room)}/tsconfig.json`))
    write(`${roomFolder(room)}/name.ts`, `export const name: string = '${room}'\n`)
  }
  write(`${roomFolder('server')}/attach.ts`, `export { name as consumer } from '../consumer/name.ts'\n`)

  it('is found by oxlint, with the reason', () => {
    const { status, stdout } = spawnSync(program('oxlint'), ['--format=json', '.'], { cwd: house, encoding: 'utf8' })
    expect(stdout).toContain('The interface server depends on the contract only')
    expect(status).toBe(1)
  })

  it('does not compile', () => {
    const server = roomFolder('server')
    const { status, stdout } = spawnSync(program('tsc'), ['-b', server], { cwd: house, encoding: 'utf8' })
    expect(stdout).toMatch(/server\/attach\.ts.*error TS6307/s)
    expect(status).not.toBe(0)
  })
})

describe('files', () => {
  const everywhere = filesBelow(['packages', 'examples', 'test', 'bench', 'scripts'], /\.(ts|tsx|js|mjs|css|html|lua)$/)

  it('are named in kebab-case, and so are their folders', () => {
    const isKebab = /^([a-z0-9]+(-[a-z0-9]+)*(\.[a-z0-9]+)*\/)*[a-z0-9]+(-[a-z0-9]+)*(\.[a-z]+)+$/
    expect(everywhere.filter((path) => !isKebab.test(path))).toEqual([])
  })

  it('have a name that describes their content', () => {
    const saysNothing = /(^|\/)(utils?|helpers?|types?|common|misc|shared|lib)(\/|\.[a-z]+$)/
    expect(everywhere.filter((path) => saysNothing.test(path))).toEqual([])
  })

  it('export names: only an application is the default export of its file', () => {
    const withDefault = sourcesBelow([...sourceFolders, 'examples'])
      .map(({ path }) => path)
      // Next.js and Vite ask for them.
      .filter((path) => !path.startsWith('examples/integrations/next/') && !path.endsWith('/vite.config.ts'))
      .filter((path) => /^export (default\b|\{[^}]*\bas default\b)/m.test(read(path)))
    expect(withDefault.filter((path) => basename(path) !== 'application.ts')).toEqual([])
  })

  it(`have at most ${MAX_LINES} lines in src/, but for the few that say why`, () => {
    const tooLong = sources
      .map(({ path }) => ({ path, lines: read(path).split('\n').length - 1 }))
      .filter(({ path, lines }) => lines > (path in longFiles ? LONGEST : MAX_LINES))
    expect(tooLong).toEqual([])
  })

  it('exist if they are allowed to be longer', () => {
    expect(Object.keys(longFiles).filter((path) => !existsSync(join(root, path)))).toEqual([])
  })

  it('list every exported name if they are an index.ts', () => {
    const lists = sources.filter(({ path }) => basename(path) === 'index.ts').map(({ path }) => path)
    for (const path of lists) {
      const statements = read(path)
        .replaceAll(/\/\*[\s\S]*?\*\/|\/\/.*/g, '')
        .replaceAll(/export (type )?\{[^}]*\} from '[^']+'/g, '')
      expect(statements.trim(), `${path} without its named exports`).toBe('')
    }
  })
})

describe('the picture in docs/architecture.md', () => {
  const diagramOf = (page: string): string | undefined => /```mermaid\n([\s\S]*?)```/.exec(read(page))?.[1]

  it('is the one in CONTRIBUTING.md', () => {
    expect(diagramOf('docs/architecture.md')).toBe(diagramOf('CONTRIBUTING.md'))
  })

  it('shows the edges of the table', () => {
    const diagram = diagramOf('docs/architecture.md')
    const shown = [...diagram!.matchAll(/^\s*([a-z]+) --> ([a-z &]+)$/gm)].flatMap(([, from, to]) =>
      to!.split(' & ').map((other) => `${from!} → ${other}`),
    )
    // That cli may import everything and everything may import errors is said below it: drawn, it would hide the rest.
    const expected = rooms
      .filter((room) => room !== 'cli')
      .flatMap((room) => architecture.rooms[room]!.map((other) => `${room} → ${other}`))
    expect(shown.toSorted()).toEqual(expected.toSorted())
  })

  it('shows the floors of server/, and has the rooms of the lowest floor at the bottom', () => {
    const diagrams = [...read('docs/architecture.md').matchAll(/```mermaid\n([\s\S]*?)```/g)].map(([, text]) => text!)
    const floors = diagrams.flatMap((text) => [...text.matchAll(/^\s*floor\d+\["(.*)"\]$/gm)].map(([, line]) => line!))
    const expected = architecture.floors['server']!.map((folders) => folders.map((name) => `${name}/`).join(', '))
    expect(floors).toEqual([expect.stringContaining('serve'), ...expected.toReversed()])
  })

  it('is explained room by room', () => {
    const text = read('docs/architecture.md')
    expect(rooms.filter((room) => !text.includes(`\n| \`${room}/\` |`))).toEqual([])
  })

  it('is followed by files that exist', () => {
    const text = read('docs/architecture.md')
    const named = [...text.matchAll(/[a-z-]+\/[a-z-/]*[a-z-]+\.(?:ts|md|json)\b/g)].map(([path]) => path)
    const existing = new Set(filesBelow(['packages', 'docs', 'test'], /\.(ts|md|json)$/))
    const isThere = (path: string): boolean =>
      [path, `packages/tideway/src/${path}`, `docs/${path}`].some((place) => existing.has(place))
    expect(named.length).toBeGreaterThan(20)
    expect(named.filter((path) => !isThere(path))).toEqual([])
  })
})

function roomFolder(room: string): string {
  return `packages/tideway/src/${room}`
}

/** A tool of the workspace. */
function program(name: string): string {
  return join(root, 'node_modules', '.bin', name)
}

/** Every room that can be reached by imports from a room. */
function reachableFrom(room: string): Set<string> {
  const reached = new Set<string>()
  const visit = (from: string): void => {
    for (const other of allowedRooms(from, architecture)) {
      if (reached.has(other)) continue
      reached.add(other)
      visit(other)
    }
  }
  visit(room)
  return reached
}

/** The projects that a project of TypeScript refers to, from the top of the repository. */
function referencesOf(project: string): string[] {
  const { references = [] } = JSON.parse(read(project)) as { references?: { path: string }[] }
  return references.map(({ path }) => posix.normalize(posix.join(dirname(project), path)))
}

interface LintConfig {
  readonly overrides: readonly {
    readonly files: readonly string[]
    readonly rules: {
      readonly 'no-restricted-imports'?: readonly [string, { patterns: { regex: string; message: string }[] }]
    }
  }[]
}

/** Whether the lint rules for the files forbid to import something. */
function restrictionsOf(files: string): (specifier: string) => boolean {
  const { overrides } = JSON.parse(read('.oxlintrc.json')) as LintConfig
  const rules = overrides.filter((override) => override.files.includes(files)).map(({ rules }) => rules)
  const patterns = rules.flatMap((rule) => rule['no-restricted-imports']?.[1].patterns ?? [])
  expect(patterns, `restricted imports of ${files} in .oxlintrc.json`).not.toEqual([])
  return (specifier) => patterns.some(({ regex }) => new RegExp(regex).test(specifier))
}
