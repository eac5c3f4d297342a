import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, readFile, symlink } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

import type { Manifest } from './package-contents.ts'

// The packages as npm would publish them, and as it would install them.

/** The folder of the repository. */
export const root: string = fileURLToPath(new URL('..', import.meta.url))

/** The published packages. */
export const packageFolders: readonly string[] = ['packages/tideway', 'packages/redis', 'packages/client']

const run = promisify(execFile)

/** Compiles the packages. */
export async function buildPackages(): Promise<void> {
  await run(join(root, 'node_modules/.bin/tsc'), ['-b', ...packageFolders], { cwd: root })
}

/** A package and the tarball that it was packed into. */
export interface Packed {
  readonly folder: string
  readonly manifest: Manifest
  readonly tarball: string
  readonly files: readonly string[]
  readonly bytes: number
}

/** Packs a package as `npm publish` would. It has to be built. */
export async function pack(folder: string, destination: string): Promise<Packed> {
  const manifest = JSON.parse(await readFile(join(root, folder, 'package.json'), 'utf8')) as Manifest
  const args = ['pack', '--json', '--pack-destination', destination]
  const { stdout } = await run('npm', args, { cwd: join(root, folder), maxBuffer: 64 * 1024 * 1024 })
  // npm 11 answers with a list, later ones with an object by name.
  const [packed] = Object.values(JSON.parse(stdout) as Record<string, NpmPacked>)
  const { filename, files, size } = packed!
  const paths = files.map(({ path }) => path)
  return { folder, manifest, tarball: join(destination, filename), files: paths, bytes: size }
}

interface NpmPacked {
  readonly filename: string
  readonly size: number
  readonly files: readonly { readonly path: string }[]
}

/**
 * Puts the tarballs where npm would, with the dependencies that their manifests name, and beside them what else is named: all
 * of it linked from this workspace, so that no network is needed.
 */
export async function install(packages: readonly Packed[], modules: string, more: readonly string[]): Promise<void> {
  for (const { manifest, tarball } of packages) {
    const target = join(modules, manifest.name)
    await mkdir(target, { recursive: true })
    await run('tar', ['-xzf', tarball, '-C', target, '--strip-components=1'])
  }
  const own = new Set(packages.map(({ manifest }) => manifest.name))
  const links = new Map(more.map((name) => [join(modules, name), join(root, 'node_modules', name)]))
  for (const { folder, manifest } of packages) {
    for (const name of Object.keys({ ...manifest.dependencies, ...manifest.peerDependencies })) {
      if (own.has(name)) continue
      // A version that something else of the workspace does not share is kept beside the package, by npm and so here.
      const beside = join(root, folder, 'node_modules', name)
      if (existsSync(beside)) links.set(join(modules, manifest.name, 'node_modules', name), beside)
      else links.set(join(modules, name), join(root, 'node_modules', name))
    }
  }
  for (const [link, target] of links) {
    await mkdir(dirname(link), { recursive: true })
    await symlink(target, link)
  }
}
