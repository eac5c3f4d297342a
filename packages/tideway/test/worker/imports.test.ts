import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { fromSources } from '../../../../test/setup/from-sources.ts'

afterEach(() => {
  vi.doUnmock('bullmq')
  vi.resetModules()
})

describe('importing tideway/worker', () => {
  it('starts no thread and loads nothing of BullMQ', async () => {
    const index = new URL('../../src/worker/index.ts', import.meta.url).href
    const script = `
      const { createRequire } = await import('node:module')
      const worker = await import('${index}')
      worker.defineTasks({ work: () => {} }, { redis: 'redis://127.0.0.1:1' })
      const loaded = Object.keys(createRequire('${import.meta.url}').cache).filter((path) => path.includes('bullmq'))
      console.log(JSON.stringify([loaded, worker.databaseThreads.stats, process.getActiveResourcesInfo()]))`
    const args = [...fromSources, '--input-type=module', '--eval', script]
    const cwd = fileURLToPath(new URL('.', import.meta.url))
    const { stdout } = await promisify(execFile)(process.execPath, args, { cwd })
    const [loaded, stats, resources] = JSON.parse(stdout) as [string[], object, string[]]
    expect(loaded).toEqual([])
    expect(stats).toEqual({ threads: 0, running: 0, waiting: 0 })
    expect(resources.filter((name) => /Worker|MessagePort|Timeout|TCP/.test(name))).toEqual([])
  })
})

describe('tasks in Redis without the package bullmq', () => {
  it('name the packages to install', async () => {
    vi.doMock('bullmq', () => {
      throw new Error("Cannot find package 'bullmq'")
    })
    const { defineTasks, runTasks } = await import('tideway/worker')
    const tasks = defineTasks({ work: () => {} }, { redis: 'redis://127.0.0.1:1' })
    const missing = expect.objectContaining({
      code: 'ERR_MISSING_PACKAGE',
      message: expect.stringContaining('npm install bullmq ioredis') as string,
    }) as Error
    await expect(tasks.work.enqueue()).rejects.toThrow(missing)
    await expect(runTasks(tasks)).rejects.toThrow(missing)
  })
})
