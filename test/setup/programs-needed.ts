import { readFile } from 'node:fs/promises'

import { systemPrograms, type ProgramName } from './system-programs.ts'

const CALL = /\bdescribeWith\(\s*\[([^\]]*)\]/g
const NAME = /'([^']+)'|"([^"]+)"/g

/** Which programs the test files ask for in their `describeWith` calls, read from their text. */
export async function programsNeeded(testFiles: readonly string[]): Promise<ProgramName[]> {
  const texts = await Promise.all(testFiles.map((file) => readFile(file, 'utf8')))
  const names = texts.flatMap(namesIn)
  return [...new Set(names)]
}

/** The known names in the `describeWith` calls of one file. An unknown one does not compile: it is no matter of ours. */
export function namesIn(text: string): ProgramName[] {
  return [...text.matchAll(CALL)]
    .flatMap(([, list]) => [...list!.matchAll(NAME)].map(([, single, double]) => single ?? double!))
    .filter((name): name is ProgramName => Object.hasOwn(systemPrograms, name))
}
