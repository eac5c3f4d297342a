import { execFile } from 'node:child_process'
import { cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { startProgram, type RunningProgram } from '../setup/child-process.ts'
import { codeBlocks, root } from './markdown.ts'

const run = promisify(execFile)

/** A server that the reader has started. */
export interface ReadersServer extends RunningProgram {
  /** Such as `http://localhost:49152`. */
  readonly origin: string
  readonly webSocketOrigin: string
}

/**
 * Follows a page of the tutorial word for word, in an empty folder. Two things differ: packages are
 * not downloaded but linked, and servers listen on ports that are free.
 */
export class Reader {
  readonly folder: string
  /** The commands that were met and start a program of tideway, for the test to run. */
  readonly serverCommands: string[] = []
  /** What the newest `npm test` of a page has printed. */
  testOutput = ''

  private constructor(folder: string) {
    this.folder = folder
  }

  static async inEmptyFolder(): Promise<Reader> {
    return new Reader(await mkdtemp(join(tmpdir(), 'tideway-tutorial-')))
  }

  /** The same folder once more, to try something out in. */
  async copy(): Promise<Reader> {
    const copy = await Reader.inEmptyFolder()
    await cp(this.folder, copy.folder, { recursive: true, verbatimSymlinks: true })
    return copy
  }

  async remove(): Promise<void> {
    await rm(this.folder, { recursive: true })
  }

  /**
   * Reads a page: writes its files and runs its commands, in order. Throws on an unknown command.
   * @param isChecked whether another test has run `npx tsc` and `npm test` of this page; they are left out then
   */
  async read(page: string, isChecked = false): Promise<void> {
    for (const { at, file, language, text } of await codeBlocks(page)) {
      // examples/tutorial/PART/ is this folder.
      if (file !== undefined) await this.write(file.split('/').slice(3).join('/'), text)
      if (language !== 'sh') continue
      for (const command of text.trim().split('\n')) {
        if (!isChecked || !['npx tsc', 'npm test'].includes(command)) await this.#obey(command, at)
      }
    }
  }

  /** Links the packages to those of this repository. */
  async install(...names: readonly string[]): Promise<void> {
    for (const name of names) {
      const link = join(this.folder, 'node_modules', name)
      await mkdir(dirname(link), { recursive: true })
      await symlink(join(root, 'node_modules', name), link)
    }
  }

  async write(file: string, text: string): Promise<void> {
    const path = join(this.folder, file)
    await mkdir(dirname(path), { recursive: true })
    await writeFile(path, text)
  }

  /** Writes a file again with one change. */
  async change(file: string, from: string, to: string): Promise<void> {
    const before = await readFile(join(this.folder, file), 'utf8')
    const after = before.replace(from, to)
    if (after === before) throw new Error(`${file} does not have ${JSON.stringify(from)}.`)
    await this.write(file, after)
  }

  /** `npx tsc`; rejects with what it reports. */
  async checkTypes(): Promise<void> {
    // What was found is kept, so that the declarations of packages are checked once and not at each change.
    await this.#run('node_modules/typescript/bin/tsc', '--incremental', '--tsBuildInfoFile', '.tsbuildinfo')
  }

  /** `npm test`; rejects with what the tests print. */
  async test(): Promise<string> {
    const { stdout } = await this.#shell(await this.#script('test'))
    return stdout
  }

  /** `npm run build`. */
  async build(): Promise<void> {
    const script = await this.#script('build')
    await this.#shell(script.replace('tsc', 'node node_modules/typescript/bin/tsc'))
  }

  /** `npx tideway serve application.ts`, or of another file, on a port that is free unless one is given. */
  async serve(
    env: Readonly<Record<string, string | undefined>> = {},
    { file = 'application.ts', port = 0, flags = [] as readonly string[] } = {},
  ): Promise<ReadersServer> {
    const cli = ['node_modules/tideway/bin/tideway.js', 'serve', file, `--port=${port}`, ...flags]
    const program = await startProgram(process.execPath, cli, {
      cwd: this.folder,
      ready: /^Listening on http:\/\/127\.0\.0\.1:(\d+)$/m,
      env,
    })
    const host = `localhost:${program.readyMatch![1]!}`
    return { ...program, origin: `http://${host}`, webSocketOrigin: `ws://${host}` }
  }

  async #obey(command: string, at: string): Promise<void> {
    if (command === 'mkdir chat && cd chat') return
    if (command.startsWith('npm install ')) await this.install(...packagesIn(command))
    else if (command.startsWith('npm init') || command.startsWith('npm pkg set ')) await this.#shell(command)
    else if (command === 'npx tsc') await this.checkTypes()
    else if (command === 'npm test') this.testOutput = await this.test()
    else if (command === 'npm run build') await this.build()
    else if (/npx tideway (serve|worker|doctor) (dist\/application\.js|application\.ts)/.test(command)) {
      this.serverCommands.push(command)
    } else throw new Error(`${at}: the command "${command}" is unknown. Add it to test/docs/reader.ts.`)
  }

  async #script(name: string): Promise<string> {
    const { scripts } = JSON.parse(await readFile(join(this.folder, 'package.json'), 'utf8')) as {
      readonly scripts: Readonly<Record<string, string>>
    }
    return scripts[name]!
  }

  async #shell(command: string): Promise<{ stdout: string }> {
    try {
      return await run('sh', ['-c', command], { cwd: this.folder })
    } catch (cause) {
      throw new Error(`${command}:\n${(cause as { stdout?: string }).stdout}`, { cause })
    }
  }

  async #run(...args: readonly string[]): Promise<string> {
    try {
      return (await run(process.execPath, args, { cwd: this.folder })).stdout
    } catch (cause) {
      throw new Error(`${args.join(' ')}:\n${(cause as { stdout?: string }).stdout}`, { cause })
    }
  }
}

function packagesIn(command: string): string[] {
  const [, , ...args] = command.split(' ')
  return args.filter((argument) => !argument.startsWith('-'))
}
