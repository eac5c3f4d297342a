// Builds the site of the documentation, and fails if its search does not find the words of searches.ts.
//   npm run docs          in .vitepress/dist
//   npm run docs:check    the same pages, links and search, without colours in code and with scripts as they are: half of the cost, and no site remains

import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import MiniSearch from 'minisearch'
import { build } from 'vitepress'
import { searches } from './searches.ts'

/** The options that VitePress 1 gives its search box. */
const OPTIONS = {
  fields: ['title', 'titles', 'text'],
  storeFields: ['title', 'titles'],
  searchOptions: { fuzzy: 0.2, prefix: true, boost: { title: 4, text: 2, titles: 1 } },
}

/** About as many results as a reader sees without scrolling. */
const MOST_RESULTS = 5

const docs = fileURLToPath(new URL('.', import.meta.url))

async function indexOf(site: string, locale: string): Promise<MiniSearch> {
  const chunks = join(site, 'assets/chunks')
  const file = (await readdir(chunks)).find((name) => name.startsWith(`@localSearchIndex${locale}.`))
  if (file === undefined) throw new Error(`The site has no search index "${locale}".`)
  const { default: json } = (await import(pathToFileURL(join(chunks, file)).href)) as { readonly default: string }
  return MiniSearch.loadJSON(json, OPTIONS)
}

async function checkSearch(site: string): Promise<void> {
  for (const [locale, pages] of Object.entries(searches)) {
    const index = await indexOf(site, locale)
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
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
}

if (process.argv.includes('--check')) {
  const site = await mkdtemp(join(tmpdir(), 'tideway-site-'))
  try {
    await build(docs, {
      outDir: site,
      minify: false,
      reportCompressedSize: false,
      chunkSizeWarningLimit: Infinity,
      onAfterConfigResolve({ markdown }) {
        markdown!.highlight = (code) => `<pre v-pre><code>${escaped(code)}</code></pre>`
      },
    })
    await checkSearch(site)
  } finally {
    await rm(site, { recursive: true })
  }
} else {
  await build(docs)
  const site = join(docs, '.vitepress/dist')
  await checkSearch(site)
  if (process.exitCode === undefined) {
    console.log(`The site is in ${relative(process.env['INIT_CWD'] ?? process.cwd(), site) || '.'}.`)
    console.log('Run "npm run preview --workspace docs" to open it on http://localhost:4173/.')
  }
}
