import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { build } from 'esbuild'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

const run = promisify(execFile)
const packageFolder = fileURLToPath(new URL('../..', import.meta.url))

let folder: string
const place = (name: string): string => join(folder, name)

const functions = 'export const add = (a, b) => a + b'

/** Makes more calls than the pool has threads, prints each result or error code, and closes the pool. */
const script = (worker: string, fn: string): string => `
  import { moduleUrl, syncToAsync, ThreadPool } from '${worker}'
  const pool = new ThreadPool({ maxThreads: 2 })
  const add = syncToAsync(moduleUrl('./${fn}', import.meta.url), 'add', { pool })
  const settled = await Promise.allSettled([add(1, 2), add(3, 4), add(5, 6)])
  await pool.close()
  console.log(settled.map(({ value, reason }) => value ?? reason.code).join(' '))`

beforeAll(async () => {
  const parent = join(packageFolder, 'node_modules', '.cache')
  await mkdir(parent, { recursive: true })
  folder = await mkdtemp(join(parent, 'tideway-flags-'))
  await build({
    entryPoints: ['index', 'thread'].map((name) => join(packageFolder, `src/worker/${name}.ts`)),
    outdir: folder,
    bundle: true,
    platform: 'node',
    format: 'esm',
    packages: 'external',
    logLevel: 'error',
  })
  await writeFile(place('package.json'), '{ "type": "module" }')
  await writeFile(place('functions.js'), functions)
  await writeFile(place('built.js'), script('./index.js', 'functions.js'))
  await writeFile(place('functions.ts'), functions.replaceAll(/\b([ab])\b(?=[,)])/g, '$1: number'))
  await writeFile(place('sources.ts'), script('tideway/worker', 'functions.ts'))
})
afterAll(() => rm(folder, { recursive: true }))

describe('threads of a process with arguments of Node', () => {
  it.each([
    [
      'of V8',
      [
        '--max-old-space-size=512',
        '--max-semi-space-size=16',
        '--stack-size=2000',
        '--expose-gc',
        '--optimize-for-size',
      ],
    ],
    [
      'of the process',
      [
        '--abort-on-uncaught-exception',
        '--report-on-fatalerror',
        '--use-openssl-ca',
        '--title=chat',
        '--enable-source-maps',
      ],
    ],
  ])('answer with arguments %s', async (_of, flags) => {
    expect((await run(process.execPath, [...flags, place('built.js')])).stdout).toBe('3 7 11\n')
  })

  it('answer from sources, with an argument of V8 and one with a separate value', async () => {
    const loader = ['--expose-gc', '--conditions', '@tideway/source', '--import=tsx', '--max-old-space-size=512']
    expect((await run(process.execPath, [...loader, place('sources.ts')])).stdout).toBe('3 7 11\n')
  })

  it('reject their calls if they cannot be created, and the pool closes without an unhandled rejection', async () => {
    const permission = process.allowedNodeEnvironmentFlags.has('--permission')
      ? '--permission'
      : '--experimental-permission'
    const { stdout } = await run(process.execPath, [permission, '--allow-fs-read=*', place('built.js')])
    expect(stdout).toBe('ERR_THREAD_LOST ERR_THREAD_LOST ERR_THREAD_LOST\n')
  })
})
