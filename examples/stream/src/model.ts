import { setTimeout } from 'node:timers/promises'

const MS_PER_TOKEN = 20

const PARAGRAPHS = [
  'This answer is written by a program that stands in for a language model. It yields a few letters at a time, as a model yields its tokens.',
  'The server publishes them into a kept group. The group keeps each piece with its position until ten minutes after the last one.',
  'Reload this page now. The page joins the group again, receives all pieces from the first one, and then the next ones as they come.',
  'Open the link of this page in another tab or on a phone. Both show the same answer, because both read the same group.',
  'Turn the network off and on. The page continues at its position, and the model is not asked a second time.',
  'Press Stop. The request may reach any process of the server, and the process that writes the answer ends it.',
]

/** Stands in for the SDK of a model: an async iterable of pieces of text, which throws when the signal aborts. */
export async function* fakeModel(
  { prompt, words }: { readonly prompt: string; readonly words: number },
  signal: AbortSignal,
): AsyncGenerator<string, void> {
  for (const token of textOf(prompt, words).match(/\s*\S{1,4}/g) ?? []) {
    await setTimeout(MS_PER_TOKEN, undefined, { signal })
    yield token
  }
}

function textOf(prompt: string, words: number): string {
  let text = `You asked: “${prompt}”`
  for (let n = 0, count = 0; count < words; n++) {
    const paragraph = PARAGRAPHS[n % PARAGRAPHS.length]!.split(' ').slice(0, words - count)
    text += `\n\n${paragraph.join(' ')}`
    count += paragraph.length
  }
  return text
}
