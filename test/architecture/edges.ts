import { posix } from 'node:path'

import type { SourceFile } from './source-files.ts'

/** Which way imports may run: see the table in `architecture.test.ts`. */
export interface Architecture {
  /** What each room of packages/tideway/src may import besides itself and the ground floor. */
  readonly rooms: Readonly<Record<string, readonly string[]>>
  readonly groundFloor: string
  /** What each package may import of the other packages, by the name under which it is published. */
  readonly packages: Readonly<Record<string, readonly string[]>>
  /** The only places that may import each dependency. */
  readonly dependencies: Readonly<Record<string, readonly string[]>>
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
  if (room === undefined || other === undefined || room === other) return undefined
  const allowed = allowedRooms(room, architecture)
  return allowed.includes(other) ? undefined : `${room}/ may import ${allowed.join(', ') || 'no other room'}.`
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
