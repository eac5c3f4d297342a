import { readdirSync, readFileSync } from 'node:fs'
import { join, sep } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The top of the repository. */
export const root: string = fileURLToPath(new URL('../..', import.meta.url))

/** Folders without written sources. */
export const NOT_OURS: RegExp = /(^|\/)(node_modules|dist|coverage|\.build|results|\.vitepress\/cache|reference\/api)\//

/** One file, and the modules that it names, as they are written there. */
export interface SourceFile {
  /** From the top of the repository, with slashes. */
  readonly path: string
  readonly imports: readonly string[]
}

/** The paths of all files below the folders whose name matches, from the top of the repository. */
export function filesBelow(folders: readonly string[], pattern: RegExp): string[] {
  return folders
    .flatMap((folder) =>
      readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile() && !entry.name.startsWith('.'))
        .map((entry) => join(entry.parentPath, entry.name).slice(root.length).split(sep).join('/')),
    )
    .filter((path) => pattern.test(path) && !NOT_OURS.test(path))
    .toSorted()
}

/** The text of a file. */
export function read(path: string): string {
  return readFileSync(join(root, path), 'utf8')
}

/** All TypeScript below the folders. */
export function sourcesBelow(folders: readonly string[]): SourceFile[] {
  return filesBelow(folders, /\.tsx?$/).map((path) => ({ path, imports: importsOf(read(path)) }))
}

/**
 * Every module that a source names: in imports and exports, of values and of types, and in dynamic imports. The
 * formatter puts statements at the start of a line, where neither comments nor texts can be taken for them.
 */
export function importsOf(text: string): string[] {
  const statements = text.matchAll(/^(?:import|export)\b[^'"`;]*?\bfrom\s*'([^']+)'/gm)
  const sideEffects = text.matchAll(/^import\s*'([^']+)'/gm)
  const dynamic = text.matchAll(/^(?!\s*(?:\*|\/\/)).*?\bimport\(\s*'([^'$]+)'/gm)
  return [...statements, ...sideEffects, ...dynamic].map(([, specifier]) => specifier!)
}
