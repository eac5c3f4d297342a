import { describe, expect, it, onTestFinished } from 'vitest'
import { ApplicationEnd } from '../../src/asgi/application-end.ts'

const failure = new Error('lost')

function rejected(): Promise<never> {
  return Promise.reject(failure)
}

/** Records the calls of a listener. */
function recorder() {
  const calls: unknown[] = []
  const listener = {
    applicationReturned: () => void calls.push('returned'),
    applicationThrew: (error: unknown) => void calls.push(error),
  }
  return { calls, listener }
}

/** The rejections of this process that have no reaction. */
function unhandledRejections(): unknown[] {
  const reasons: unknown[] = []
  const others = process.listeners('unhandledRejection')
  process.removeAllListeners('unhandledRejection')
  process.on('unhandledRejection', (reason) => reasons.push(reason))
  onTestFinished(() => {
    process.removeAllListeners('unhandledRejection')
    for (const other of others) process.on('unhandledRejection', other)
  })
  return reasons
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

describe('ApplicationEnd', () => {
  it.each(['before', 'after'])('is awaited like a promise, %s the end', async (when) => {
    const end = new ApplicationEnd()
    const awaited = (async () => {
      if (when === 'after') await turn()
      await end
      return 'continued'
    })()
    await Promise.resolve()
    end.settle()
    expect(await awaited).toBe('continued')
  })

  it.each(['before', 'after'])('rejects with the error of the application, asked %s the end', async (when) => {
    const end = new ApplicationEnd()
    const caught = when === 'before' ? end.catch((error: unknown) => error) : undefined
    end.settle(rejected())
    expect(await (caught ?? end.catch((error: unknown) => error))).toBe(failure)
  })

  it('runs finally() and combinators as a promise does', async () => {
    const end = new ApplicationEnd()
    let ran = false
    const all = Promise.all([end.finally(() => (ran = true)), end, Promise.race([end, new Promise(() => {})])])
    end.settle()
    await all
    expect(ran).toBe(true)
    expect(Object.prototype.toString.call(end)).toBe('[object Promise]')
  })

  it('calls its listener in a microtask, once, and not in the call that ends it', async () => {
    const end = new ApplicationEnd()
    const { calls, listener } = recorder()
    end.listen(listener)
    end.settle()
    expect(calls).toEqual([])
    await turn()
    expect(calls).toEqual(['returned'])
  })

  it('calls a listener that comes after the end', async () => {
    const end = new ApplicationEnd()
    const { calls, listener } = recorder()
    end.settle()
    end.listen(listener)
    await turn()
    expect(calls).toEqual(['returned'])
  })

  it('gives an error to the listener and to the reactions', async () => {
    const end = new ApplicationEnd()
    const { calls, listener } = recorder()
    end.listen(listener)
    const caught = end.catch((error: unknown) => error)
    end.settle(rejected())
    expect(await caught).toBe(failure)
    await turn()
    expect(calls).toEqual([failure])
  })

  it('is an unhandled rejection without a listener and without a reaction', async () => {
    const reasons = unhandledRejections()
    const { calls, listener } = recorder()
    const [ignored, heard] = [new ApplicationEnd(), new ApplicationEnd()]
    heard.listen(listener)
    ignored.settle(rejected())
    heard.settle(rejected())
    await turn()
    expect(reasons).toEqual([failure])
    expect(calls).toEqual([failure])
  })
})
