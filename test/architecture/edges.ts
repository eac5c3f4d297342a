import { posix } from 'node:path'

import type { SourceFile } from './source-files.ts'

/** Which way imports may run: see the table in `architecture.test.ts`. */
export interface Architecture {
  /** What each room of packages/tideway/src may import in addition to itself and the ground floor. */
  readonly rooms: Readonly<Record<string, readonly string[]>>
  readonly groundFloor: string
  /** What each package may import of the other packages, by the name under which it is published. */
  readonly packages: Readonly<Record<string, readonly string[]>>
  /** The only places that may import each dependency. */
  readonly dependencies: Readonly<Record<string, readonly string[]>>
  /**
   * The floors of rooms that have them, lowest first: each is a list of folders, and a file imports only its own folder and
   * lower floors. Files directly in the room are the top floor.
   */
  readonly floors: Readonly<Record<string, readonly (readonly string[])[]>>
  /** Packages that run in browsers: nothing of Node. */
  readonly browserPackages: readonly string[]
}

const ROOMS_FOLDER = 'packages/tideway/src'

/** The room of a path below packages/tideway/src; `undefined` for index.ts, which lists what the package exports. */
export function roomOf(path: string): string | undefined {
  return /^packages\/tideway\/src\/([^/]+)\//.exec(path)?.[1]
}

/** The rooms that a room may import. */
export function allowedRooms(room: string, { rooms, groundFloor }: Architecture): readonly string[] {
  return room === groundFloor ? [] : [groundFloor, ...(rooms[room] ?? [])]
}

/** What is wrong with the imports of these files: a sentence each. */
export function edgeProblems(files: readonly SourceFile[], architecture: Architecture): string[] {
  return files.flatMap(({ path, imports }) =>
    imports.flatMap((specifier) => {
      const problem = specifier.startsWith('.')
        ? relativeProblem(path, posix.join(posix.dirname(path), specifier), architecture)
        : bareProblem(path, specifier, architecture)
      return problem === undefined ? [] : [`${path} imports ${specifier}: ${problem}`]
    }),
  )
}

function relativeProblem(from: string, to: string, architecture: Architecture): string | undefined {
  const ownFolder = `${packageOf(from)}/src/`
  if (!to.startsWith(ownFolder)) return `it is outside of ${ownFolder}, import another package by its name.`
  const isPackageIndex = from === `${ROOMS_FOLDER}/index.ts`
  if (posix.basename(to) === 'index.ts' && !isPackageIndex) {
    return 'an index.ts is for the outside, import the file that holds the concept.'
  }
  const room = roomOf(from)
  const other = roomOf(to)
  if (room !== undefined && room === other) return floorProblem(room, from, to, architecture)
  if (room === undefined || other === undefined) return undefined
  const allowed = allowedRooms(room, architecture)
  return allowed.includes(other) ? undefined : `${room}/ may import ${allowed.join(', ') || 'no other room'}.`
}

function floorProblem(room: string, from: string, to: string, { floors }: Architecture): string | undefined {
  const ofRoom = floors[room]
  if (ofRoom === undefined) return undefined
  const below = from.slice(`${ROOMS_FOLDER}/${room}/`.length)
  const target = to.slice(`${ROOMS_FOLDER}/${room}/`.length)
  const folder = folderOf(below)
  const other = folderOf(target)
  if (folder === other || folder === undefined) return undefined
  if (other === undefined) return `${room}/${folder}/ may not import files at the top of ${room}/.`
  if (!ofRoom.flat().includes(folder)) return `${room}/${folder}/ is not in the table of floors.`
  const lower = ofRoom.slice(0, floorOf(folder, ofRoom)).flat()
  return lower.includes(other) ? undefined : `${room}/${folder}/ may import ${lower.join(', ') || 'no other folder'}.`
}

function folderOf(path: string): string | undefined {
  const slash = path.indexOf('/')
  return slash === -1 ? undefined : path.slice(0, slash)
}

function floorOf(folder: string, floors: readonly (readonly string[])[]): number {
  return floors.findIndex((folders) => folders.includes(folder))
}

/** The groups of files that import each other in a circle, by values or by types. */
export function importCycles(files: readonly SourceFile[]): string[][] {
  const importsOfFile = new Map(
    files.map(({ path, imports }) => [
      path,
      imports.filter((name) => name.startsWith('.')).map((name) => posix.join(posix.dirname(path), name)),
    ]),
  )
  // Removes files whose imports are all removed, until only circles and what imports them are left; then the same from above.
  const keep = (edges: ReadonlyMap<string, readonly string[]>): Map<string, readonly string[]> => {
    let left = new Map(edges)
    for (;;) {
      const next = new Map(
        [...left]
          .map(([path, targets]) => [path, targets.filter((target) => left.has(target))] as const)
          .filter(([, targets]) => targets.length > 0),
      )
      if (next.size === left.size) return next
      left = next
    }
  }
  const downwards = keep(importsOfFile)
  const reversed = new Map([...downwards.keys()].map((path) => [path, [] as string[]]))
  for (const [path, targets] of downwards) for (const target of targets) reversed.get(target)?.push(path)
  const circular = [...keep(reversed).keys()].toSorted()
  return circular.length === 0 ? [] : [circular]
}

function bareProblem(from: string, specifier: string, architecture: Architecture): string | undefined {
  const folder = packageOf(from)
  const name = packageName(specifier)
  if (specifier.startsWith('node:')) {
    return architecture.browserPackages.includes(folder) ? `${folder} runs in browsers.` : undefined
  }
  if (name === 'tideway' || name.startsWith('@tideway/')) {
    const allowed = architecture.packages[folder] ?? []
    return allowed.includes(specifier) ? undefined : `${folder} may import ${allowed.join(', ') || 'no other package'}.`
  }
  const places = architecture.dependencies[name]
  if (places === undefined) return `${name} is not in the table of dependencies.`
  return places.some((place) => from.startsWith(place)) ? undefined : `${name} is for ${places.join(', ')}.`
}

function packageOf(path: string): string {
  return path.split('/').slice(0, 2).join('/')
}

/** `@scope/name/file` → `@scope/name`. */
export function packageName(specifier: string): string {
  return specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/')
}
