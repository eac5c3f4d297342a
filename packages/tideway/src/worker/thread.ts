/** The program of each thread of a pool: loads modules and calls their functions. */
import { fileURLToPath } from 'node:url'
import { BroadcastChannel, isMainThread, workerData } from 'node:worker_threads'
import { move, transferableSymbol, valueSymbol } from 'piscina'
import { TidewayError } from '../errors/tideway-error.ts'
import { enableTypeScript } from './enable-type-script.ts'
import { isCloneable, packError } from './packed-error.ts'
import type { ThreadAnswer, ThreadCall, ThreadSettings } from './thread-protocol.ts'
import { takeTransferList } from './transfer.ts'

/** A module that this thread has loaded. */
interface LoadedModule {
  readonly exports: Readonly<Record<string, unknown>>
  /** Whether `onThreadStart` has run, without `onThreadStop` since. */
  isStarted: boolean
}

const settings = workerData as ThreadSettings
const modules = new Map<string, Promise<LoadedModule>>()
const control = isMainThread ? undefined : new BroadcastChannel(settings.control)
let idle: NodeJS.Timeout | undefined
let isBusy = false
/** The end of the present start or stop: they run one at a time. */
let turn: Promise<unknown> = Promise.resolve()

if (control !== undefined) {
  control.unref()
  control.onmessage = (event) => {
    if (event.data !== 'stop') return
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- that is an argument of a browser's window
    void stopModules().then(() => control.postMessage('stopped'))
  }
}

/** Answers one call. Never rejects. */
export async function answer(call: ThreadCall): Promise<ThreadAnswer> {
  clearTimeout(idle)
  isBusy = true
  try {
    return await run(call)
  } catch (error) {
    return { error: packError(error) }
  } finally {
    isBusy = false
    idle = setTimeout(() => void stopModules(), settings.idleTimeoutMs).unref()
  }
}

async function run({ module: url, name, args }: ThreadCall): Promise<ThreadAnswer> {
  const module = await load(url)
  const called = module.exports[name]
  if (typeof called !== 'function') {
    const found = Object.keys(module.exports).filter((key) => typeof module.exports[key] === 'function')
    throw new TidewayError(
      'ERR_NO_SUCH_FUNCTION',
      `${fileURLToPath(url)} exports no function ${JSON.stringify(name)}; it exports ${found.join(', ') || 'none'}.`,
    )
  }
  await start(module)
  const value: unknown = await (called as (...args: readonly unknown[]) => unknown)(...args)
  const list = takeTransferList(value)
  if (list !== undefined) return movable({ value }, list)
  if (isCloneable(value)) return { value }
  throw new TidewayError(
    'ERR_NOT_CLONEABLE',
    `${name} of ${fileURLToPath(url)} returned a value that cannot be copied to another thread: return plain data, without functions, symbols, sockets or promises in it.`,
  )
}

function load(url: string): Promise<LoadedModule> {
  let loading = modules.get(url)
  if (loading === undefined) {
    loading = importModule(url).then((exports) => ({ exports, isStarted: false }))
    modules.set(url, loading)
    // The next call tries again, because the failure may be temporary.
    loading.catch(() => modules.delete(url))
  }
  return loading
}

async function importModule(url: string): Promise<Readonly<Record<string, unknown>>> {
  if (/\.[cm]?ts$/.test(url)) {
    await enableTypeScript(fileURLToPath(url)).catch((cause: unknown) => {
      throw new TidewayError(
        'ERR_NO_SUCH_MODULE',
        `${fileURLToPath(url)} is TypeScript, which this Node (${process.version}) does not run: run "npm install --save-dev tsx", or build the file first.`,
        { cause },
      )
    })
  }
  return (await import(url)) as Readonly<Record<string, unknown>>
}

function start(module: LoadedModule): Promise<void> {
  return inTurn(async () => {
    if (module.isStarted) return
    await hook(module, 'onThreadStart')
    module.isStarted = true
  })
}

/** Runs `onThreadStop` of every started module. */
function stopModules(): Promise<void> {
  return inTurn(async () => {
    // A call that started since needs the modules.
    if (isBusy) return
    for (const loading of modules.values()) {
      const module = await loading.catch(() => undefined)
      if (module?.isStarted !== true) continue
      module.isStarted = false
      try {
        await hook(module, 'onThreadStop')
      } catch (error) {
        process.emitWarning(error instanceof Error ? error : String(error), 'onThreadStop failed')
      }
    }
  })
}

async function hook({ exports }: LoadedModule, name: 'onThreadStart' | 'onThreadStop'): Promise<void> {
  const found = exports[name]
  if (typeof found === 'function') await (found as () => unknown)()
}

function inTurn(work: () => Promise<void>): Promise<void> {
  const done = turn.then(work)
  turn = done.catch(() => {})
  return done
}

/** Marks the buffers of the answer that piscina transfers. */
function movable(answer: ThreadAnswer, list: readonly unknown[]): ThreadAnswer {
  const marked = { [transferableSymbol]: list, [valueSymbol]: answer } as unknown as Parameters<typeof move>[0]
  return move(marked) as unknown as ThreadAnswer
}
