import { execFile } from 'node:child_process'
import { existsSync, lstatSync } from 'node:fs'
import { cp, mkdir, readFile, rm, symlink } from 'node:fs/promises'
import { dirname, join, relative } from 'node:path'
import { promisify } from 'node:util'

import { root } from '../architecture/source-files.ts'

/** One instruction of a Dockerfile, such as `COPY` and what stands behind it. */
export interface Instruction {
  readonly name: string
  readonly rest: string
}

/** A stage: what it begins from, and what is done. */
export interface Stage {
  readonly name: string
  readonly from: string
  readonly instructions: readonly Instruction[]
}

/** Reads a Dockerfile: continued lines are one, comments are left out. */
export function parseDockerfile(text: string): Stage[] {
  const stages: { name: string; from: string; instructions: Instruction[] }[] = []
  const lines = text.replaceAll(/^#.*\n/gm, '').replaceAll(/\\\n\s*/g, '')
  for (const line of lines.split('\n').filter((one) => one.trim() !== '')) {
    const [, name, rest] = /^([A-Z]+) (.*)$/.exec(line) ?? []
    if (name === undefined) throw new Error(`No instruction: ${line}`)
    if (name === 'FROM') {
      const [from, , alias = 'final'] = rest!.split(' ')
      stages.push({ name: alias, from: from!, instructions: [] })
    } else stages.at(-1)!.instructions.push({ name, rest: rest! })
  }
  return stages
}

/**
 * Does by hand, in folders, what an engine would do: a folder a stage, in which the path of its WORKDIR is the folder itself. npm
 * is not asked: the packages that it would install by the lock file are those of this repository.
 */
export async function buildByHand(stages: readonly Stage[], ignored: readonly string[], folder: string): Promise<void> {
  for (const { name, from, instructions } of stages) {
    const place = join(folder, name)
    await mkdir(place)
    if (stages.some((stage) => stage.name === from)) await copy(join(folder, from), place)
    for (const instruction of instructions) await follow(instruction, place, folder, ignored)
  }
}

async function follow({ name, rest }: Instruction, place: string, folder: string, ignored: readonly string[]) {
  if (name === 'COPY') {
    const [, stage, words] = /^(?:--from=(\S+) )?(.*)$/.exec(rest)!
    const paths = words!.split(' ')
    const target = join(place, paths.pop()!)
    for (const path of paths) {
      const source = stage === undefined ? join(root, path) : join(folder, stage, path.replace(/^\/app\/?/, ''))
      // The content of a folder is copied, and a file into a folder.
      const isFile = lstatSync(source).isFile()
      await copy(source, isFile ? join(target, path) : target, stage === undefined ? ignored : [])
    }
  }
  if (name !== 'RUN') return
  if (/^npm ci\b/.test(rest)) {
    const workspace = /--workspace (\S+)/.exec(rest)?.[1]
    if (rest.includes('--omit=dev') && workspace !== undefined) await installProduction(place, workspace)
    else await installEverything(place)
  } else if (rest.startsWith('npx ')) {
    await promisify(execFile)('bash', ['-ec', rest], { cwd: place })
  }
}

async function copy(source: string, target: string, ignored: readonly string[] = []): Promise<void> {
  await mkdir(dirname(target), { recursive: true })
  await cp(source, target, {
    recursive: true,
    verbatimSymlinks: true,
    filter: (path) => !ignored.some((pattern) => isMatch(relative(root, path), pattern)),
  })
}

/** The patterns of .dockerignore that are in use here: names, `*` for a part of a path, and a leading `**` for any folder. */
function isMatch(path: string, pattern: string): boolean {
  const expression = pattern
    .replaceAll('.', String.raw`\.`)
    .replace(/^\*\*\//, '(?:.*/)?')
    .replaceAll(/(?<!\.)\*/g, '[^/]*')
  return new RegExp(`^${expression}$`).test(path)
}

/** A part of package-lock.json. */
interface Lockfile {
  readonly packages: Readonly<Record<string, LockedPackage>>
}

interface LockedPackage {
  readonly link?: boolean
  readonly resolved?: string
  readonly dependencies?: Readonly<Record<string, string>>
  readonly optionalDependencies?: Readonly<Record<string, string>>
  readonly peerDependencies?: Readonly<Record<string, string>>
}

/** Links to everything that is installed here; the workspaces are the stage's own. */
async function installEverything(place: string): Promise<void> {
  const { packages } = await lockfile()
  for (const [path, { link, resolved }] of Object.entries(packages)) {
    if (!/^node_modules\/|^packages\/[^/]+\/node_modules\//.test(path) || /node_modules\/.*\/node_modules\//.test(path))
      continue
    const target = link === true ? join(place, resolved!) : join(root, path)
    if (existsSync(target)) await linkTo(target, join(place, path))
  }
  await linkTo(join(root, 'node_modules/.bin'), join(place, 'node_modules/.bin'))
}

/** Copies what the workspace needs when it runs, by the lock file, and no more. */
async function installProduction(place: string, workspace: string): Promise<void> {
  const { packages } = await lockfile()
  const wanted = new Set<string>()
  const visit = (folder: string): void => {
    const { dependencies, optionalDependencies, peerDependencies } = packages[folder]!
    for (const name of Object.keys({ ...dependencies, ...optionalDependencies, ...peerDependencies })) {
      const found = resolve(name, folder, packages)
      if (found === undefined || wanted.has(found)) continue
      wanted.add(found)
      const { link, resolved } = packages[found]!
      visit(link === true ? resolved! : found)
    }
  }
  visit(workspace)
  for (const path of wanted) {
    const { link, resolved } = packages[path]!
    if (link === true) await linkTo(join(place, resolved!), join(place, path))
    else if (existsSync(join(root, path))) {
      await cp(join(root, path), join(place, path), {
        recursive: true,
        // What is nested comes by itself where it is wanted.
        filter: (source) =>
          source === join(root, path) || !source.slice(join(root, path).length).startsWith('/node_modules'),
      })
    }
  }
}

/** Where Node finds a package, seen from a folder of the lock file. */
function resolve(name: string, from: string, packages: Lockfile['packages']): string | undefined {
  for (let folder = from; ; folder = folder.slice(0, Math.max(0, folder.lastIndexOf('/')))) {
    const path = folder === '' ? `node_modules/${name}` : `${folder}/node_modules/${name}`
    if (packages[path] !== undefined) return path
    if (folder === '') return undefined
  }
}

/** Relative, as npm does: a stage that is copied must not lead back to the one that it comes from. */
async function linkTo(target: string, path: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true })
  await rm(path, { recursive: true, force: true })
  await symlink(relative(dirname(path), target), path)
}

async function lockfile(): Promise<Lockfile> {
  return JSON.parse(await readFile(join(root, 'package-lock.json'), 'utf8')) as Lockfile
}
