import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { threadId } from 'node:worker_threads'
import { TidewayError } from 'tideway'
import { databaseSyncToAsync, moduleUrl, syncToAsync, ThreadPool, transfer } from 'tideway/worker'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, expectTypeOf, it, vi } from 'vitest'
import type * as blockingModule from './fixtures/blocking.ts'
import type * as brokenModule from './fixtures/broken.ts'
import type * as failingStartModule from './fixtures/failing-start.ts'
import { blocking, open, reaches, sharedNumber } from './threads.ts'
import { patiently } from '../../../../test/setup/patiently.ts'

let pool: ThreadPool

// One for all: a thread that compiles TypeScript takes its time to start.
beforeAll(() => {
  pool = new ThreadPool({ maxThreads: 2 })
})

afterAll(async () => {
  await pool.close()
})

describe('a function that runs in a thread', () => {
  it('resolves with its result from another thread', async () => {
    expect(await syncToAsync(blocking, 'add', { pool })(2, 3)).toBe(5)
    expect((await syncToAsync(blocking, 'whoAmI', { pool })()).thread).not.toBe(threadId)
  })

  it('may itself be async', async () => {
    expect(await databaseSyncToAsync(blocking, 'laterLength', { pool })('four')).toBe(4)
  })

  it('is found before and after a build: .js for .ts', async () => {
    const built = new URL('./fixtures/blocking.js', import.meta.url)
    const add = databaseSyncToAsync<typeof blockingModule, 'add'>(built, 'add', { pool })
    expect(await add(1, 1)).toBe(2)
  })

  it('leaves the event loop free while it blocks', async () => {
    const gate = sharedNumber()
    const begun = sharedNumber()
    const held = syncToAsync(blocking, 'hold', { pool })(gate, begun)
    await reaches(begun, 1)
    open(gate)
    expect(await held).not.toBe(threadId)
  })

  it('is typed by its module', () => {
    const add = syncToAsync(blocking, 'add', { pool })
    expectTypeOf(add).parameters.toEqualTypeOf<[number, number]>()
    expectTypeOf(add).returns.toEqualTypeOf<Promise<number>>()
    expectTypeOf(syncToAsync(blocking, 'laterLength', { pool })).returns.toEqualTypeOf<Promise<number>>()
    // @ts-expect-error -- no such export
    syncToAsync(blocking, 'subtract', { pool })
    // @ts-expect-error -- no function
    syncToAsync(blocking, 'notAFunction', { pool })
    // @ts-expect-error -- a URL alone says nothing of the functions behind it
    syncToAsync(new URL(blocking), 'add', { pool })
  })
})

describe('buffers of threaded functions', () => {
  it('move in both directions if they are marked', async () => {
    const bytes = new Uint8Array(1024).fill(1)
    const inverted = await syncToAsync(blocking, 'invert', { pool })(transfer(bytes, [bytes.buffer]))
    expect(bytes.byteLength).toBe(0)
    expect(inverted).toEqual(new Uint8Array(1024).fill(254))
  })

  it('are copied if they are not marked', async () => {
    const bytes = new Uint8Array(4).fill(1)
    await syncToAsync(blocking, 'invert', { pool })(bytes)
    expect(bytes).toEqual(new Uint8Array(4).fill(1))
  })
})

describe('onThreadStart and onThreadStop', () => {
  let folder: string
  let log: string

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'tideway-threads-'))
    log = join(folder, 'log')
    vi.stubEnv('TIDEWAY_TEST_LOG', log)
  })

  afterEach(async () => {
    vi.unstubAllEnvs()
    await rm(folder, { recursive: true })
  })

  const lines = async (): Promise<string[]> => (await readFile(log, 'utf8')).trim().split('\n')

  it('run once in each thread for any number of calls', async () => {
    const two = new ThreadPool({ maxThreads: 2 })
    const whoAmI = databaseSyncToAsync(blocking, 'whoAmI', { pool: two })
    const answers = await Promise.all(Array.from({ length: 20 }, () => whoAmI()))
    for (const answer of answers) expect(answer).toMatchObject({ connections: 1, opened: 1 })
    const threads = [...new Set(answers.map((answer) => answer.thread))]
    await two.close()
    const starts = threads.map((thread) => `start ${thread}`)
    const stops = threads.map((thread) => `stop ${thread}`)
    expect((await lines()).sort()).toEqual([...starts, ...stops].sort())
  })

  it('stop an idle thread, and start it again for the next call', async () => {
    const shortly = new ThreadPool({ maxThreads: 1, idleTimeoutMs: 1 })
    try {
      const whoAmI = databaseSyncToAsync(blocking, 'whoAmI', { pool: shortly })
      const { thread } = await whoAmI()
      await patiently(async () => expect(await lines()).toContain(`stop ${thread}`))
      expect(await whoAmI()).toEqual({ thread, connections: 1, opened: 2 })
    } finally {
      await shortly.close()
    }
  })

  it('reject the call if onThreadStart throws, and run again at the next call', async () => {
    const one = new ThreadPool({ maxThreads: 1 })
    try {
      const module = moduleUrl<typeof failingStartModule>('./fixtures/failing-start.ts', import.meta.url)
      const attemptsSoFar = databaseSyncToAsync(module, 'attemptsSoFar', { pool: one })
      await expect(attemptsSoFar()).rejects.toThrow('no connection, attempt 1')
      await expect(attemptsSoFar()).rejects.toThrow('no connection, attempt 2')
      expect(await attemptsSoFar()).toBe(3)
    } finally {
      await one.close()
    }
  })
})

describe('errors of threaded functions', () => {
  it('keep class name, message, code, stack and cause', async () => {
    const error = (await syncToAsync(blocking, 'violate', { pool })().catch((thrown: unknown) => thrown)) as Error
    expect(error).toBeInstanceOf(Error)
    expect(error).toMatchObject({ name: 'ConstraintError', message: 'duplicate key', code: '23505' })
    expect(error).toHaveProperty('detail', { column: 'email' })
    expect(error).not.toHaveProperty('connection')
    expect(error.stack).toContain('violate')
    expect(error.cause).toBeInstanceOf(TypeError)
    expect(error.cause).toHaveProperty('message', 'not unique')
  })

  it('keep thrown values that are not errors', async () => {
    await expect(syncToAsync(blocking, 'throwText', { pool })()).rejects.toBe('just text')
  })

  it('report a missing module at syncToAsync', () => {
    const missing = new URL('./fixtures/absent.js', import.meta.url)
    expect(() => syncToAsync<typeof blockingModule, 'add'>(missing, 'add')).toThrow(
      expect.objectContaining({
        code: 'ERR_NO_SUCH_MODULE',
        message: expect.stringMatching(/There is no file .*absent\.js, nor one that ends in \.ts/) as string,
      }),
    )
    expect(() => syncToAsync<typeof blockingModule, 'add'>(new URL('http://a/b.js'), 'add')).toThrow(
      'A thread loads modules from files, not from http://a/b.js',
    )
  })

  it('report a module that fails, and keep the thread', async () => {
    const broken = moduleUrl<typeof brokenModule>('./fixtures/broken.ts', import.meta.url)
    await expect(syncToAsync(broken, 'never', { pool })()).rejects.toThrow('broken at import')
    expect(await syncToAsync(blocking, 'add', { pool })(1, 2)).toBe(3)
  })

  it('list the functions of the module for an unknown name', async () => {
    const untyped = syncToAsync as (module: URL, name: string, options: object) => () => Promise<unknown>
    await expect(untyped(blocking, 'notAFunction', { pool })()).rejects.toThrow(
      expect.objectContaining({
        code: 'ERR_NO_SUCH_FUNCTION',
        message: expect.stringMatching(/exports no function "notAFunction"; it exports .*add/) as string,
      }),
    )
  })

  it('name the function whose result or argument cannot be copied, and keep the thread', async () => {
    const one = new ThreadPool({ maxThreads: 1 })
    const { thread } = await syncToAsync(blocking, 'whoAmI', { pool: one })()
    await expect(syncToAsync(blocking, 'makeFunction', { pool: one })()).rejects.toThrow(
      expect.objectContaining({
        code: 'ERR_NOT_CLONEABLE',
        message: expect.stringMatching(/^makeFunction of .* returned a value that cannot be copied/) as string,
      }),
    )
    const add = syncToAsync(blocking, 'add', { pool: one }) as unknown as (a: unknown) => Promise<number>
    await expect(add(() => {})).rejects.toThrow(
      expect.objectContaining({
        code: 'ERR_NOT_CLONEABLE',
        message: expect.stringMatching(/^An argument of add/) as string,
      }),
    )
    expect((await syncToAsync(blocking, 'whoAmI', { pool: one })()).thread).toBe(thread)
    await one.close()
  })

  it('report a lost thread, and the next call gets another', async () => {
    await expect(syncToAsync(blocking, 'exit', { pool })()).rejects.toThrow(
      expect.objectContaining({
        code: 'ERR_THREAD_LOST',
        message: expect.stringMatching(/^The thread that ran exit ended/) as string,
      }),
    )
    expect(await syncToAsync(blocking, 'add', { pool })(1, 2)).toBe(3)
  })

  it('keep the class of errors of tideway', async () => {
    const untyped = syncToAsync as (module: URL, name: string, options: object) => () => Promise<unknown>
    await expect(untyped(blocking, 'absent', { pool })()).rejects.toBeInstanceOf(TidewayError)
  })
})
