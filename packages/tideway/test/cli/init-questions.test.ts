import { PassThrough } from 'node:stream'
import { describe, expect, it } from 'vitest'
import type { Choices } from '../../src/cli/init/create-application.ts'
import { askForChoices } from '../../src/cli/init/questions.ts'

async function answersTo(made: Partial<Choices>, typed: string): Promise<{ choices: Choices; printed: string }> {
  const [input, output] = [new PassThrough(), new PassThrough()]
  let printed = ''
  const left = typed.split('\n')
  // The next line is typed when the question for it is there, as on a terminal.
  output.on('data', (chunk: Buffer) => {
    printed += chunk.toString()
    const line = left.shift()
    if (line === undefined) input.end()
    else input.write(`${line}\n`)
  })
  return { choices: await askForChoices(made, input, output), printed }
}

describe('the questions of tideway init', () => {
  it.each([
    ['\n\n', { template: 'express', redis: false }],
    ['plain\nhono\nyes', { template: 'hono', redis: true }],
    ['live\nno', { template: 'live', redis: false }],
    ['L\ny', { template: 'live', redis: true }],
    ['what\nlive\n', { template: 'live', redis: false }],
  ])('make the choices of the answers %j', async (typed, choices) => {
    expect((await answersTo({}, typed)).choices).toEqual(choices)
  })

  it('leave out what a flag has chosen', async () => {
    const { choices, printed } = await answersTo({ template: 'hono' }, 'yes')
    expect(choices).toEqual({ template: 'hono', redis: true })
    expect(printed).not.toContain('framework')
    expect((await answersTo({ template: 'live', redis: true }, '')).printed).toBe('')
  })

  it('reject when the input ends', async () => {
    await expect(answersTo({}, 'plain')).rejects.toMatchObject({ name: 'AbortError' })
  })
})
