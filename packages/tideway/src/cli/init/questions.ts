import { createInterface } from 'node:readline/promises'
import { choiceValues, type Choices } from './choices.ts'

/**
 * Asks for the choices that no flag has made. An empty answer is the choice in brackets, the first letters
 * of one choice are that choice, and any other answer asks again.
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
      const meant = given === '' ? [answers[0]] : answers.filter((one) => one.startsWith(given))
      if (meant.length === 1) return meant[0]!
    }
  }
  try {
    return {
      framework: made.framework ?? (await ask('Web framework?', choiceValues.framework)),
      client: made.client ?? (await ask('Page? live and react lose no message', choiceValues.client)),
      redis: made.redis ?? (await ask('Several processes, over Redis?', ['no', 'yes'])) === 'yes',
      auth: made.auth ?? (await ask('Login of users?', choiceValues.auth)),
    }
  } finally {
    terminal.close()
  }
}
