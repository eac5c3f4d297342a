import { readdirSync, readFileSync } from 'node:fs'

import { expect, it } from 'vitest'

const chat = new URL('../../examples/chat/', import.meta.url)
const { korean } = (await import(new URL('public/korean.js', chat).href)) as { korean: Record<string, string> }

/** The texts of files of a folder, by a pattern whose group is the text. */
function textsOf(folder: string, pattern: RegExp): string[] {
  const files = readdirSync(new URL(folder, chat)).map((file) => readFileSync(new URL(folder + file, chat), 'utf8'))
  return files.flatMap((file) => [...file.matchAll(pattern)].map((match) => match[2]!))
}

const values = (text: string): string[] => [...text.matchAll(/\{\w+\}/g)].map(([value]) => value).toSorted()

const used = new Set([
  ...textsOf('pages/', /(\[\[)(.+?)\]\]/g),
  ...textsOf('public/', /\bt\(\s*(['`])(.+?)\1/g),
  // The server answers with these. The numbers of the bounds are constants there.
  ...textsOf('src/people/', /(?:problem: |refuse\(response, |BusyError\()(['`])(.+?)\1/g).map((text) =>
    text
      .replace('${MAX_NAME_LENGTH}', '32')
      .replace('${MIN_PASSWORD_LENGTH}', '8')
      .replace('${MAX_PASSWORD_LENGTH}', '200'),
  ),
])

it('has each text of the chat in Korean, and no other', () => {
  expect(used.size).toBeGreaterThan(80)
  expect(Object.keys(korean).toSorted()).toEqual([...used].toSorted())
})

it('has the same values in both languages', () => {
  for (const [english, text] of Object.entries(korean))
    expect([english, values(text)]).toEqual([english, values(english)])
})
