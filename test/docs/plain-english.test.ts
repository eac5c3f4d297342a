import { readdirSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { filesBelow, read, root } from '../architecture/source-files.ts'

// CONTRIBUTING.md, "Language and terms": plain technical English names the part of the program, and uses the words of the field.

const WORDS = new RegExp(
  String.raw`(?<![\w-])(?:${[
    'anew|for good|whoever|whichever|somebody|nobody|everybody|anybody|anyone|meanwhile|besides|thereby|hereby|of which',
    'for ever|as it were|all the same|mostly all|of its own accord|without a word|(?:goes|went) away|hands? round',
    '(?:that|which) (?:is|are) none',
    'start-up|take-over',
  ]
    .join('|')
    .replaceAll(' ', String.raw`\s+`)})(?![\w-])`,
  'gi',
)

/** Files that contain one of the words for a reason. */
const EXCEPTIONS: Readonly<Record<string, string>> = {
  'test/docs/plain-english.test.ts': 'lists the words',
}

const TEXT =
  /(?:\.(?:[cm]?[jt]sx?|c|h|py|lua|md|html|css|json|ya?ml|conf|cfg|service|socket|sh)|\/(?:Caddyfile|Dockerfile))$/

const packages = readdirSync(`${root}packages`)
const FOLDERS = [
  ...packages.flatMap((name) => [`packages/${name}/src`, `packages/${name}/test`]),
  'test',
  'bench',
  'examples',
  'docs',
  'scripts',
  'deploy',
  '.github',
]

/** The uses of the words in a text, as `file:line: word`. */
function usesOf(path: string, text: string): string[] {
  return [...text.matchAll(WORDS)].map(
    ({ 0: word, index }) => `${path}:${text.slice(0, index).split('\n').length}: ${word}`,
  )
}

function usesIn(paths: readonly string[]): string[] {
  return paths.filter((path) => EXCEPTIONS[path] === undefined).flatMap((path) => usesOf(path, read(path)))
}

describe('plain English', () => {
  it.each(FOLDERS)('is used in %s', (folder) => {
    const paths = filesBelow([folder], TEXT).filter(
      (path) => !path.startsWith('docs/ko/') && !path.includes('/results/'),
    )
    expect(paths).not.toEqual([])
    expect(usesIn(paths)).toEqual([])
  })

  it('is used in the pages at the top', () => {
    expect(usesIn(['README.md', 'CONTRIBUTING.md', 'CHANGELOG.md', 'SECURITY.md'])).toEqual([])
  })

  it('finds a word or phrase with its file and line, in any case', () => {
    expect(usesOf('a.md', 'One.\nNobody comes, besides.\nOne-besides, a newcomer.\nA text that is\nnone.')).toEqual([
      'a.md:2: Nobody',
      'a.md:2: besides',
      'a.md:4: that is\nnone',
    ])
  })
})
