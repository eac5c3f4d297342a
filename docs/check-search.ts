// Fails if the search of the built site does not find the words of searches.ts, and prints how to open the site.
//   npm run docs

import { readdir } from 'node:fs/promises'
import { relative } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import MiniSearch from 'minisearch'
import { searches } from './searches.ts'

/** The options that VitePress 1 gives its search box. */
const OPTIONS = {
  fields: ['title', 'titles', 'text'],
  storeFields: ['title', 'titles'],
  searchOptions: { fuzzy: 0.2, prefix: true, boost: { title: 4, text: 2, titles: 1 } },
}

/** About as many results as a reader sees without scrolling. */
const MOST_RESULTS = 5

const site = fileURLToPath(new URL('.vitepress/dist/', import.meta.url))
const chunks = `${site}assets/chunks/`
const files = await readdir(chunks)

async function indexOf(locale: string): Promise<MiniSearch> {
  const file = files.find((name) => name.startsWith(`@localSearchIndex${locale}.`))
  if (file === undefined) throw new Error(`The site has no search index "${locale}".`)
  const { default: json } = (await import(pathToFileURL(chunks + file).href)) as { readonly default: string }
  return MiniSearch.loadJSON(json, OPTIONS)
}

for (const [locale, pages] of Object.entries(searches)) {
  const index = await indexOf(locale)
  for (const [words, page] of Object.entries(pages)) {
    const found = index
      .search(words)
      .slice(0, MOST_RESULTS)
      .map(({ id }) => String(id))
    if (found.some((id) => id.split('#')[0] === page)) continue
    console.error(
      `The search for "${words}" does not find ${page}: its first results are ${found.join(', ') || 'none'}.`,
    )
    process.exitCode = 1
  }
  console.log(`The search index "${locale}" has ${index.documentCount} sections.`)
}
if (process.exitCode === undefined) {
  console.log(`The site is in ${relative(process.env['INIT_CWD'] ?? process.cwd(), site) || '.'}.`)
  console.log('Run "npm run preview --workspace docs" to open it on http://localhost:4173/.')
}
