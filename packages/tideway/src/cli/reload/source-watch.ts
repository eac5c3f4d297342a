import { existsSync, watch, type FSWatcher } from 'node:fs'
import { readdir, stat } from 'node:fs/promises'
import { dirname, extname, join, relative } from 'node:path'
import { TidewayError } from '../../errors/tideway-error.ts'

/** Files whose change is a change of the application. */
const sourceExtensions: ReadonlySet<string> = new Set(['.ts', '.mts', '.cts', '.tsx', '.js', '.mjs', '.cjs', '.jsx'])

/** An editor writes a file in several steps, and a tool several files. */
export const DEBOUNCE_MS = 100

/** Each folder takes a watch of the system's. */
export const MOST_FOLDERS = 5000

/** The folder of the package that a file belongs to, else that of the file. */
export function packageFolderOf(file: string): string {
  const own = dirname(file)
  for (let folder = own; folder !== dirname(folder); folder = dirname(folder)) {
    if (existsSync(join(folder, 'package.json'))) return folder
  }
  return own
}

/**
 * Tells of changes of the sources below a folder, but for `node_modules` and what begins with a dot. Of its own because
 * `fs.watch` with `recursive` opens a watch for each file on Linux, those of all packages included.
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
   * @param onChange is called with the paths, relative to the folder, when nothing more has changed for a moment
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

  /** Watches the folder and those in it, and gives the sources that are there. */
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
        if (name !== null) void this.#look(join(folder, name), name)
      })
      // A folder that is removed: what watches the one above it tells the rest.
      watcher.on('error', () => this.#forget(folder))
      this.#watchers.set(folder, watcher)
    } catch (cause) {
      throw cannotWatch(this.#root, (cause as Error).message, cause)
    }
  }

  async #look(path: string, name: string): Promise<void> {
    if (isSource(name)) {
      this.#report([path])
      return
    }
    if (!isWatched(name)) return
    const found = await stat(path).catch(() => undefined)
    if (found === undefined) this.#forget(path)
    // What came into a new folder before it was watched counts. Who cannot watch it said so at the start of the rest.
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
