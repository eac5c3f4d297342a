import * as v from 'valibot'
import { closeTasks, defineTasks, task, type StandardSchema, type TaskContext } from 'tideway/worker'
import { afterEach, describe, expect, expectTypeOf, it, vi } from 'vitest'
import { z } from 'zod'
import { TaskLogger } from './task-logger.ts'
import { patiently } from '../../../../test/setup/patiently.ts'

const open: object[] = []

function keep<T extends object>(tasks: T): T {
  open.push(tasks)
  return tasks
}

afterEach(async () => {
  await Promise.all(open.splice(0).map((tasks) => closeTasks(tasks)))
})

const logger = new TaskLogger()

/** Written by hand after the specification: a count that text may hold. */
const countSchema: StandardSchema<{ count: string }, { count: number }> = {
  '~standard': {
    version: 1,
    vendor: 'test',
    async validate(value) {
      const { count } = value as { count?: unknown }
      if (typeof count === 'string' && /^\d+$/.test(count)) return { value: { count: Number(count) } }
      return { issues: [{ message: 'not a count', path: [{ key: 'count' }] }, { message: 'and nothing else' }] }
    },
  },
}

describe('the input of a task', () => {
  it('is validated by any standard schema before it is queued, and the handler gets the output', async () => {
    const run = vi.fn<(input: unknown, context: TaskContext) => void>()
    const tasks = keep(
      defineTasks(
        {
          byHand: task({ input: countSchema, run }),
          byZod: task({ input: z.object({ when: z.coerce.date<string>(), size: z.number().default(10) }), run }),
          byValibot: task({ input: v.object({ name: v.pipe(v.string(), v.trim(), v.minLength(1)) }), run }),
        },
        { logger },
      ),
    )
    await tasks.byHand.enqueue({ count: '7' })
    await tasks.byZod.enqueue({ when: '2026-01-02T03:04:05Z' })
    await tasks.byValibot.enqueue({ name: ' Ada ' })
    await patiently(() => expect(run).toHaveBeenCalledTimes(3))
    const inputs = run.mock.calls.map(([input]) => input)
    expect(inputs).toContainEqual({ count: 7 })
    expect(inputs).toContainEqual({ when: new Date('2026-01-02T03:04:05Z'), size: 10 })
    expect(inputs).toContainEqual({ name: 'Ada' })

    const refused = (message: string): unknown => expect.objectContaining({ code: 'ERR_BAD_TASK_INPUT', message })
    await expect(tasks.byHand.enqueue({ count: 'many' })).rejects.toEqual(
      refused('The input of the task byHand is refused: count: not a count; and nothing else.'),
    )
    await expect(tasks.byZod.enqueue({ when: 'never' })).rejects.toThrow(/byZod is refused: when: Invalid/)
    await expect(tasks.byValibot.enqueue({ name: ' ' })).rejects.toThrow(/byValibot is refused: name: Invalid length/)
    expect(run).toHaveBeenCalledTimes(3)
  })

  it('is refused with its path if JSON would change it', async () => {
    const tasks = keep(defineTasks({ any: (_input: unknown) => {} }, { logger }))
    const refused: [unknown, string][] = [
      [{ when: new Date(0) }, 'input.when is an instance of Date'],
      [{ list: [1, { ids: new Set() }] }, 'input.list[1].ids is an instance of Set'],
      [{ big: 1n }, 'input.big is a bigint'],
      [{ call() {} }, 'input.call is a function'],
      [Number.NaN, 'input is NaN'],
      [[1, undefined], 'input[1] is undefined, which JSON would make null'],
      [new Uint8Array(1), 'input is an instance of Uint8Array'],
      [{ text: 'x'.repeat(1024 * 1024) }, 'over the limit of 1048576'],
    ]
    for (const [input, message] of refused) await expect(tasks.any.enqueue(input)).rejects.toThrow(message)
    const circle: { self?: object } = {}
    circle.self = circle
    await expect(tasks.any.enqueue(circle)).rejects.toThrow('nested deeper than 100 levels, or circular')
  })

  it('may be anything that JSON holds, or nothing', async () => {
    const run = vi.fn<(input: unknown) => void>()
    const tasks = keep(defineTasks({ any: (input: unknown) => run(input) }, { logger }))
    const text = 'x'.repeat(1024 * 1024 - 2)
    for (const input of [undefined, null, 0, text, [null], { a: { b: undefined } }]) await tasks.any.enqueue(input)
    await patiently(() => expect(run).toHaveBeenCalledTimes(6))
    expect(run.mock.calls.map(([input]) => input)).toEqual([undefined, null, 0, text, [null], { a: {} }])
  })

  it('is typed by the schema, or by the handler', () => {
    const tasks = keep(
      defineTasks(
        {
          plain: (_input: { id: number }) => 'result',
          schema: task({
            input: z.object({ at: z.coerce.date<string>() }),
            run: (input, context) => {
              expectTypeOf(input).toEqualTypeOf<{ at: Date }>()
              expectTypeOf(context).toEqualTypeOf<TaskContext>()
            },
          }),
          options: { attempts: 3, run: async (_input: readonly string[]) => {} },
          nothing: () => {},
        },
        { logger },
      ),
    )
    expectTypeOf(tasks.plain.enqueue).parameter(0).toEqualTypeOf<{ id: number }>()
    expectTypeOf(tasks.schema.enqueue).parameter(0).toEqualTypeOf<{ at: string }>()
    expectTypeOf(tasks.options.enqueue).parameter(0).toEqualTypeOf<readonly string[]>()
    const checkedByTheCompiler = async () => {
      await tasks.nothing.enqueue()
      // @ts-expect-error -- the input is missing
      await tasks.plain.enqueue()
      // @ts-expect-error -- of another type
      await tasks.schema.enqueue({ at: 1 })
      // @ts-expect-error -- no such task
      await tasks.absent.enqueue()
    }
    expect(checkedByTheCompiler).toBeTypeOf('function')
  })
})
