import { existsSync, watch, type FSWatcher } from 'node:fs'
import { readdir, stat } from 'node:fs/promises'
import { dirname, extname, join, relative } from 'node:path'
import { TidewayError } from '../../errors/tideway-error.ts'

/** The extensions of source files. */
const sourceExtensions: ReadonlySet<string> = new Set(['.ts', '.mts', '.cts', '.tsx', '.js', '.mjs', '.cjs', '.jsx'])

/** The quiet time before a report, in milliseconds: an editor writes a file in several steps, and a tool writes several files. */
export const DEBOUNCE_MS = 100

/** The most folders, because each needs a watch of the system. */
export const MOST_FOLDERS = 5000

/** The package folder of a file, or its own folder if it is in no package. */
export function packageFolderOf(file: string): string {
  const own = dirname(file)
  for (let folder = own; folder !== dirname(folder); folder = dirname(folder)) {
    if (existsSync(join(folder, 'package.json'))) return folder
  }
  return own
}

/**
 * Reports changes of the sources below a folder, without `node_modules` and names that begin with a dot. Does not use
 * `recursive` of `fs.watch`, because on Linux that opens a watch for each file, including all packages.
 */
export class SourceWatch {
  readonly #root: string
  readonly #onChange: (files: readonly string[]) => void
  readonly #watchers = new Map<string, FSWatcher>()
  readonly #changed = new Set<string>()
  #timer: NodeJS.Timeout | undefined
  #isClosed = false

  private constructor(root: string, onChange: (files: readonly string[]) => void) {
    this.#root = root
    this.#onChange = onChange
  }

  /**
   * @param onChange called with the changed paths, relative to the folder, after a quiet time
   * @throws TidewayError `ERR_BAD_OPTION` for a folder that cannot be watched, or with too many folders
   */
  static async start(folder: string, onChange: (files: readonly string[]) => void): Promise<SourceWatch> {
    const sources = new SourceWatch(folder, onChange)
    try {
      await sources.#add(folder)
    } catch (error) {
      sources.close()
      throw error
    }
    return sources
  }

  close(): void {
    this.#isClosed = true
    clearTimeout(this.#timer)
    for (const watcher of this.#watchers.values()) watcher.close()
    this.#watchers.clear()
  }

  /** Watches the folder and its subfolders. Returns the sources in them. */
  async #add(folder: string): Promise<readonly string[]> {
    if (this.#isClosed || this.#watchers.has(folder)) return []
    this.#watch(folder)
    const found: string[] = []
    for (const entry of await readdir(folder, { withFileTypes: true })) {
      const path = join(folder, entry.name)
      if (entry.isDirectory() && isWatched(entry.name)) found.push(...(await this.#add(path)))
      else if (isSource(entry.name)) found.push(path)
    }
    return found
  }

  #watch(folder: string): void {
    if (this.#watchers.size >= MOST_FOLDERS) {
      throw cannotWatch(this.#root, `it has more than ${MOST_FOLDERS} folders`)
    }
    try {
      const watcher = watch(folder, (_event, name) => {
        if (name !== null) void this.#inspect(join(folder, name), name)
      })
      // The folder was removed; the watch of its parent reports the change.
      watcher.on('error', () => this.#forget(folder))
      this.#watchers.set(folder, watcher)
    } catch (cause) {
      throw cannotWatch(this.#root, (cause as Error).message, cause)
    }
  }

  async #inspect(path: string, name: string): Promise<void> {
    if (isSource(name)) {
      this.#report([path])
      return
    }
    if (!isWatched(name)) return
    const found = await stat(path).catch(() => undefined)
    if (found === undefined) this.#forget(path)
    // Reports the files that a new folder got before its watch. An error is ignored: `start()` reports what cannot be watched.
    else if (found.isDirectory()) this.#report(await this.#add(path).catch(() => []))
  }

  #forget(folder: string): void {
    this.#watchers.get(folder)?.close()
    this.#watchers.delete(folder)
  }

  #report(files: readonly string[]): void {
    if (files.length === 0 || this.#isClosed) return
    for (const file of files) this.#changed.add(relative(this.#root, file))
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => {
      const changed = [...this.#changed]
      this.#changed.clear()
      this.#onChange(changed)
    }, DEBOUNCE_MS)
  }
}

function isWatched(folder: string): boolean {
  return !folder.startsWith('.') && folder !== 'node_modules'
}

function isSource(file: string): boolean {
  return !file.startsWith('.') && sourceExtensions.has(extname(file))
}

function cannotWatch(folder: string, why: string, cause?: unknown): TidewayError {
  return new TidewayError('ERR_BAD_OPTION', `--reload cannot watch ${folder}: ${why}.`, { cause })
}
