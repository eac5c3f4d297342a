import { createInterface } from 'node:readline/promises'
import type { Choices, Template } from './create-application.ts'

/**
 * Asks for the choices that no flag has made. An empty answer is the choice in brackets, and an unknown answer asks again.
 * Rejects with an `AbortError` when the input ends.
 */
export async function askForChoices(
  made: Partial<Choices>,
  input: NodeJS.ReadableStream,
  output: NodeJS.WritableStream,
): Promise<Choices> {
  const terminal = createInterface({ input, output })
  const ended = new AbortController()
  terminal.once('close', () => ended.abort())
  const ask = async <Answer extends string>(
    question: string,
    answers: readonly [Answer, ...Answer[]],
  ): Promise<Answer> => {
    for (;;) {
      const text = await terminal.question(`${question} (${answers.join(', ')}) [${answers[0]}] `, {
        signal: ended.signal,
      })
      const given = text.trim().toLowerCase()
      const answer = given === '' ? answers[0] : answers.find((one) => one === given || one[0] === given)
      if (answer !== undefined) return answer
    }
  }
  try {
    const template = made.template ?? (await askForTemplate(ask))
    const redis = made.redis ?? (await ask('Several processes, over Redis?', ['no', 'yes'])) === 'yes'
    return { template, redis }
  } finally {
    terminal.close()
  }
}

type Ask = <Answer extends string>(question: string, answers: readonly [Answer, ...Answer[]]) => Promise<Answer>

async function askForTemplate(ask: Ask): Promise<Template> {
  const client = await ask('Clients: plain WebSockets, or live ones that miss no message?', ['plain', 'live'])
  if (client === 'live') return client
  return ask('Web framework?', ['express', 'hono'])
}
