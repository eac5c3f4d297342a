import { statSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'

import { describe, expect, it } from 'vitest'

import { isForLinux, missingPackages, type Lockfile } from '../scripts/lockfile.ts'
import { contentProblems, targetsOf, type Manifest } from '../scripts/package-contents.ts'
import { packageName, roomOf } from './architecture/edges.ts'
import { filesBelow, read, root, sourcesBelow } from './architecture/source-files.ts'

// What can be seen of the packages without building them. `npm run packages:check` looks at them as they are published.

interface PackageJson extends Manifest {
  readonly license: string
  readonly type: string
  readonly engines: { readonly node: string }
  readonly typesVersions?: Readonly<Record<string, Readonly<Record<string, readonly string[]>>>>
  readonly peerDependenciesMeta?: Readonly<Record<string, { readonly optional?: boolean }>>
}

const folders = ['packages/tideway', 'packages/redis', 'packages/client']
const manifestOf = (folder: string): PackageJson => JSON.parse(read(`${folder}/package.json`)) as PackageJson

describe.each(folders)('%s', (folder) => {
  const manifest = manifestOf(folder)

  it('has the same version, license and Node as the others', () => {
    const { version, license, type, engines } = manifest
    const first = manifestOf('packages/tideway')
    expect({ version, license, type, engines }).toEqual({
      version: first.version,
      license: 'MIT',
      type: 'module',
      engines: (JSON.parse(read('package.json')) as PackageJson).engines,
    })
    expect(read(`${folder}/LICENSE`)).toBe(read('LICENSE'))
  })

  it('is published publicly, with its description', () => {
    expect(manifest).toMatchObject({ publishConfig: { access: 'public' }, description: expect.any(String) as string })
    expect((manifest as { keywords?: readonly string[] }).keywords?.length).toBeGreaterThan(3)
  })

  it('has a source and a built file for each entry point', () => {
    for (const [entry, target] of Object.entries(manifest.exports)) {
      // The bundle for browsers has no source of its own.
      if (typeof target === 'string' || entry === './browser') continue
      const source = target['@tideway/source']
      expect(filesBelow([folder], /\.ts$/), `${manifest.name} ${entry}`).toContain(source?.replace('.', folder))
      const built = source!.replace('./src/', './dist/').replace(/\.ts$/, '')
      expect(target).toEqual({ '@tideway/source': source, types: `${built}.d.ts`, default: `${built}.js` })
      // The first condition that matches counts.
      expect(Object.keys(target)).toEqual(['@tideway/source', 'types', 'default'])
    }
  })

  it('has the types of each entry point for the old moduleResolution node10, which reads no exports', () => {
    const { '.': root, ...others } = manifest.exports as Readonly<Record<string, { readonly types?: string }>>
    // A program for browsers has no types.
    const typed = Object.entries(others).filter(([, { types }]) => types !== undefined)
    const typesVersions = typed.map(([entry, { types }]) => [entry.slice(2), [types]])
    expect(manifest).toMatchObject({ main: './dist/index.js', types: root!.types })
    expect(Object.entries(manifest.typesVersions?.['*'] ?? {})).toEqual(typesVersions)
  })

  it('declares exactly the packages that it imports', () => {
    const imported = sourcesBelow([`${folder}/src`])
      .flatMap(({ imports }) => imports)
      .filter((specifier) => !specifier.startsWith('.') && !specifier.startsWith('node:'))
    const used = new Set(imported.map(packageName))
    const { dependencies = {}, peerDependencies = {}, peerDependenciesMeta = {} } = manifest
    const declared = Object.keys({ ...dependencies, ...peerDependencies })
    expect([...used].filter((name) => !declared.includes(name))).toEqual([])
    // An optional peer may be there for another one: bullmq wants ioredis.
    expect(declared.filter((name) => !used.has(name) && peerDependenciesMeta[name]?.optional !== true)).toEqual([])
  })
})

describe('packages/tideway', () => {
  it('has an entry point for each public room', () => {
    const rooms = filesBelow(['packages/tideway/src'], /\/index\.ts$/)
      .map(roomOf)
      .filter((room) => room !== undefined && !['errors', 'application'].includes(room))
    const entries = Object.keys(manifestOf('packages/tideway').exports)
    expect(entries).toEqual(expect.arrayContaining(rooms.map((room) => `./${room}`)))
  })

  it('has a command that npm can link before anything is built', () => {
    const { bin } = manifestOf('packages/tideway')
    const { mode } = statSync(join(root, 'packages/tideway', bin!.tideway!))
    expect(mode & 0o111).toBe(0o111)
  })
})

describe('the check of package contents', () => {
  const manifest: Manifest = {
    name: 'some-package',
    version: '1.0.0',
    bin: { some: './bin/some.js' },
    exports: { '.': { types: './dist/index.d.ts', default: './dist/index.js' }, './package.json': './package.json' },
  }
  const built = ['dist/index.js', 'dist/index.js.map', 'dist/index.d.ts', 'dist/index.d.ts.map']
  const good = ['package.json', 'README.md', 'LICENSE', 'bin/some.js', 'src/index.ts', ...built]

  it('accepts a complete package', () => {
    expect(contentProblems(good, manifest)).toEqual([])
  })

  it.each([
    ['test/index.test.ts', 'test/index.test.ts is a test'],
    ['src/index.test.ts', 'src/index.test.ts is a test'],
    ['dist/.tsbuildinfo', 'dist/.tsbuildinfo is nothing to publish'],
    ['src/layer/tsconfig.json', 'src/layer/tsconfig.json is nothing to publish'],
    ['.env', '.env is nothing to publish'],
    ['src/forgotten.ts', 'dist/forgotten.js is missing: src/forgotten.ts is not built'],
    ['dist/old.js', 'dist/old.js is left over: there is no src/old.ts, so remove dist/ and build again'],
  ])('finds %s', (file, problem) => {
    expect(contentProblems([...good, file], manifest)).toContain(problem)
  })

  it.each(['README.md', 'LICENSE', 'bin/some.js', 'dist/index.js', 'dist/index.d.ts'])('misses %s', (file) => {
    const without = good.filter((path) => path !== file)
    expect(contentProblems(without, manifest)).toContain(`${file} is missing`)
  })

  it('reads every file of the manifest', () => {
    expect(targetsOf(manifest)).toEqual(['dist/index.d.ts', 'dist/index.js', 'package.json', 'bin/some.js'])
  })
})

/** The reading of version ranges that npm has too. */
const { satisfies } = createRequire(import.meta.url)('semver') as {
  satisfies(version: string, range: string): boolean
}

describe('package-lock.json', () => {
  const lockfile = JSON.parse(read('package-lock.json')) as Lockfile
  const workspaces = Object.keys(lockfile.packages).filter((folder) => !folder.includes('node_modules/'))

  it('has an entry for every workspace', () => {
    const { workspaces: patterns } = JSON.parse(read('package.json')) as { readonly workspaces: readonly string[] }
    const folders = patterns.flatMap((pattern) => filesBelow([pattern.replace(/\/\*$/, '')], /\/package\.json$/))
    const isWorkspace = (folder: string): boolean =>
      patterns.some((pattern) => new RegExp(`^${pattern.replace('*', '[^/]+')}$`).test(folder))
    const found = folders.map((file) => file.replace('/package.json', '')).filter(isWorkspace)
    expect(workspaces.toSorted()).toEqual(['', ...found].toSorted())
  })

  it.each(workspaces)(
    'has the dependencies of the package file in "%s", so that npm install changes nothing',
    (folder) => {
      const kinds = ['dependencies', 'devDependencies', 'peerDependencies', 'optionalDependencies'] as const
      type Ranges = Partial<Record<(typeof kinds)[number], Readonly<Record<string, string>>>>
      const manifest = JSON.parse(read(join(folder, 'package.json'))) as Ranges
      const locked = lockfile.packages[folder] as Ranges
      for (const kind of kinds) expect(locked[kind], kind).toEqual(manifest[kind])
    },
  )

  it('has only packages that run on the oldest supported Node, so that npm install prints no EBADENGINE', () => {
    const [oldest] = /[\d.]+$/.exec((JSON.parse(read('package.json')) as PackageJson).engines.node)!
    const engines = Object.entries(lockfile.packages).map(
      ([folder, { engines }]) => [folder, engines?.node ?? '*'] as const,
    )
    expect(engines.filter(([, range]) => !satisfies(`${oldest}.0`, range))).toEqual([])
  })

  it('has every optional package, so that npm ci installs it on every system', () => {
    const run = 'node --import tsx scripts/complete-lockfile.ts'
    expect(Object.keys(missingPackages(lockfile)), `missing, which "${run}" adds`).toEqual([])
  })

  it('names no registry', () => {
    expect(read('package-lock.json')).not.toMatch(/"resolved": "http/)
  })

  it('has the checksum of every package, except optional builds for systems that do not build a release', () => {
    const unchecked = Object.entries(lockfile.packages).filter(
      ([folder, { integrity, link }]) => folder.includes('node_modules/') && !link && integrity === undefined,
    )
    const wrong = unchecked.filter(([, locked]) => locked.optional !== true || !locked.os || isForLinux(locked))
    expect(wrong.map(([folder]) => folder)).toEqual([])
  })
})

describe('the packages that a lock file misses', () => {
  it('are locked for the systems in their names', () => {
    const optionalDependencies = {
      '@tool/linux-x64-musl': '1.2.3',
      '@tool/darwin-arm64': '1.2.3',
      '@tool/here': '1.2.3',
    }
    const packages = { 'node_modules/tool': { dev: true, optionalDependencies }, 'node_modules/@tool/here': {} }
    const rest = { version: '1.2.3', dev: true, optional: true }
    expect(missingPackages({ packages })).toEqual({
      'node_modules/@tool/linux-x64-musl': { ...rest, os: ['linux'], cpu: ['x64'], libc: ['musl'] },
      'node_modules/@tool/darwin-arm64': { ...rest, os: ['darwin'], cpu: ['arm64'] },
    })
  })

  it('are not guessed if their names contain no system, or the version is a range', () => {
    const missing = (name: string, version: string) => () =>
      missingPackages({ packages: { 'node_modules/tool': { optionalDependencies: { [name]: version } } } })
    expect(missing('colours', '1.2.3')).toThrow('colours@1.2.3 is not a build for one system')
    expect(missing('@tool/darwin-arm64', '^1.2.3')).toThrow('its lock entry is unknown')
  })
})
