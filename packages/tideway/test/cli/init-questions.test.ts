import { PassThrough } from 'node:stream'
import { describe, expect, it } from 'vitest'
import { defaultChoices, type Choices } from '../../src/cli/init/choices.ts'
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
  it.each<[string, Partial<Choices>]>([
    ['\n\n\n\n', {}],
    ['hono\nreact\nyes\ntoken', { framework: 'hono', client: 'react', redis: true, auth: 'token' }],
    ['none\nnone\nno\nsession', { framework: 'none', client: 'none', auth: 'session' }],
    ['NEST\nL\ny\n', { framework: 'nestjs', client: 'live', redis: true }],
    ['n\nk\nl\ny\n', { framework: 'koa', client: 'live', redis: true }],
    ['django\nnestjs\n\n\n\n', { framework: 'nestjs' }],
  ])('make the choices of the answers %j', async (typed, choices) => {
    expect((await answersTo({}, typed)).choices).toEqual({ ...defaultChoices, ...choices })
  })

  it('come in the order of framework, client, Redis and login', async () => {
    const { printed } = await answersTo({}, '\n\n\n\n')
    expect(printed).toMatch(/framework\?.*Page\?.*Redis\?.*Login/s)
    expect(printed).toContain('(express, fastify, hono, koa, nestjs, none) [express]')
  })

  it('leave out what a flag has chosen', async () => {
    const { choices, printed } = await answersTo({ framework: 'hono', auth: 'token' }, 'live\nyes')
    expect(choices).toEqual({ framework: 'hono', client: 'live', redis: true, auth: 'token' })
    expect(printed).not.toContain('framework')
    expect(printed).not.toContain('Login')
    expect((await answersTo({ ...defaultChoices, framework: 'none' }, '')).printed).toBe('')
  })

  it('reject when the input ends', async () => {
    await expect(answersTo({}, 'hono')).rejects.toMatchObject({ name: 'AbortError' })
  })
})
