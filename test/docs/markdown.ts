import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { filesBelow } from '../architecture/source-files.ts'

/** The folder of the repository. */
export const root: string = fileURLToPath(new URL('../..', import.meta.url))

/**
 * A fenced block of code in a page. Behind its language it may say where it is cut from: `file=PATH` for a whole file,
 * `part-of=PATH` for some lines of one.
 */
export interface CodeBlock {
  /** The page, and the line of the fence. */
  readonly at: string
  readonly language: string
  readonly file: string | undefined
  readonly partOf: string | undefined
  readonly text: string
}

const FENCE = /^```(\S*)[ \t]*(.*)\n([\s\S]*?)^```$/gm
const ORIGIN = /^(?:(file|part-of)=(\S+))?$/

/** The blocks of a page, in order. Throws on a fence that says something else behind its language. */
export async function codeBlocks(page: string): Promise<CodeBlock[]> {
  const markdown = await readFile(root + page, 'utf8')
  return [...markdown.matchAll(FENCE)].map(({ 1: language, 2: rest, 3: text, index }) => {
    const at = `${page}:${markdown.slice(0, index).split('\n').length}`
    const origin = ORIGIN.exec(rest!.trim())
    if (origin === null) throw new Error(`${at}: "${rest}" is neither file=PATH nor part-of=PATH.`)
    const [, kind, path] = origin
    return {
      at,
      language: language!,
      file: kind === 'file' ? path : undefined,
      partOf: kind === 'part-of' ? path : undefined,
      text: text!,
    }
  })
}

/** Every page under `docs/`, as paths from the root of the repository; without those that are made from the code. */
export async function pages(folder = 'docs'): Promise<string[]> {
  return filesBelow([folder], /\.md$/)
}

/** The same lines without the spaces that all of them begin with. */
export function outdented(text: string): string {
  const lines = text.replace(/^\n+|\s+$/g, '').split('\n')
  const indents = lines.filter((line) => line.trim() !== '').map((line) => line.length - line.trimStart().length)
  const indent = Math.min(...indents)
  return lines.map((line) => line.slice(indent)).join('\n')
}
