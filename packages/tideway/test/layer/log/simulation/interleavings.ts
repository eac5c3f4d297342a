import type { Random } from '../../../server/fuzz/random.ts'

/** What an action reads and changes. An action of Redis and one of the process may change places. */
export type Side = 'redis' | 'process' | 'both'

/** A step that can come next. */
export interface Action {
  /** The same in every run with the same earlier steps. */
  readonly name: string
  readonly side: Side
  run(): void
}

/** A deterministic program whose next step the caller chooses. */
export interface World {
  /** The steps that can come next. A run ends when there is none. */
  actions(): readonly Action[]
  /** Throws if the run has led to a wrong state. */
  check(): Promise<void>
}

/** A point of the current run. */
interface Point {
  readonly actions: readonly Action[]
  /** The actions that another run has taken here, or that lead to the same state as another run. */
  readonly done: Map<string, Side>
  action: Action
}

const MAX_STEPS = 200

/**
 * Runs the world in every order of its actions, and returns the number of runs. Runs one of the orders that differ only in
 * actions that may change places (sleep sets, P. Godefroid, "Partial-Order Methods", 1996).
 */
export async function everyInterleaving(make: () => Promise<World>): Promise<number> {
  const path: Point[] = []
  let runs = 0
  do {
    const world = await make()
    try {
      for (const { action } of path) await take(world, action.name)
      if (!(await extend(world, path))) continue
      await world.check()
      runs++
    } catch (error) {
      const steps = path.map(({ action }) => action.name)
      throw new Error(`In the run: ${steps.join(', ')}`, { cause: error })
    }
  } while (hasNext(path))
  return runs
}

/** Runs the world in random orders of its actions, where every order is too much. Returns the number of actions. */
export async function someInterleavings(make: () => Promise<World>, random: Random, runs: number): Promise<number> {
  let taken = 0
  for (let run = 0; run < runs; run++) {
    const world = await make()
    const steps: string[] = []
    try {
      for (let actions = world.actions(); actions.length > 0; actions = world.actions()) {
        const { name } = random.of(actions)
        steps.push(name)
        if (steps.length > MAX_STEPS) throw new Error('The run does not end.')
        await take(world, name)
      }
      await world.check()
      taken += steps.length
    } catch (error) {
      throw new Error(`In the run: ${steps.join(', ')}`, { cause: error })
    }
  }
  return taken
}

/** Takes the first action at each point up to the end. Returns `false` if other runs have led to the same end. */
async function extend(world: World, path: Point[]): Promise<boolean> {
  for (let actions = world.actions(); actions.length > 0; actions = world.actions()) {
    const done = doneAfter(path.at(-1))
    const action = actions.find(({ name }) => !done.has(name))
    if (action === undefined) return false
    path.push({ actions, done, action })
    if (path.length > MAX_STEPS) throw new Error('The run does not end.')
    await take(world, action.name)
  }
  return true
}

/** Changes the path to the next one. Returns `false` if there is none. */
function hasNext(path: Point[]): boolean {
  for (let point = path.at(-1); point !== undefined; point = path.at(-1)) {
    point.done.set(point.action.name, point.action.side)
    const { actions, done } = point
    const action = actions.find(({ name }) => !done.has(name))
    if (action !== undefined) {
      point.action = action
      return true
    }
    path.pop()
  }
  return false
}

/** What need not come next, because it may change places with the action of the point. */
function doneAfter(point: Point | undefined): Map<string, Side> {
  if (point === undefined) return new Map()
  const { done, action } = point
  return new Map([...done].filter(([, side]) => side !== action.side && side !== 'both' && action.side !== 'both'))
}

async function take(world: World, name: string): Promise<void> {
  const action = world.actions().find((one) => one.name === name)
  if (action === undefined) throw new Error(`The run is not deterministic: it has no action "${name}".`)
  action.run()
  await promiseJobs()
}

/** Resolves when no promise job is left. */
function promiseJobs(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}
