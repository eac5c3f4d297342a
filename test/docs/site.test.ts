import { createMarkdownRenderer } from 'vitepress'
import { beforeAll, describe, expect, it } from 'vitest'
import { githubSlug } from '../../docs/.vitepress/github-slug.ts'
import { forTheSite } from '../../docs/.vitepress/markdown.ts'
import { root } from './markdown.ts'

let render: (markdown: string, environment?: object) => string

beforeAll(async () => {
  const markdown = await createMarkdownRenderer(`${root}docs`, { anchor: { slugify: githubSlug }, config: forTheSite })
  const page = { path: `${root}docs/guides/server.md`, relativePath: 'docs/guides/server.md' }
  render = (text, environment) => markdown.render(text, { ...page, ...environment })
})

describe('a page of the site', () => {
  it('keeps the permalink of a heading an anchor alone, where VitePress splits the page for its search', () => {
    expect(render('## Stopping the server')).toContain('href="#stopping-the-server"')
  })

  it.each([
    ['[limits](#limits)', 'href="#limits"'],
    ['[consumers](consumers.md#json)', 'href="/guides/consumers.html#json"'],
    ['[a site](https://example.com/#top)', 'href="https://example.com/#top"'],
  ])('renders %s with %s', (markdown, attribute) => {
    expect(render(markdown)).toContain(attribute)
  })

  it('shows the text of a link to a file that only the repository has', () => {
    expect(render('[the code](../../package.json)')).not.toContain('href')
  })

  it('puts an indented block into the same scrolling frame as a fenced one', () => {
    expect(render('    npm run bench -- peers\n')).toMatch(/^<div class="language-/)
  })

  it('gives the search the words of code without its colours', () => {
    const code = '```ts\nconst a: Map<string, number> = of(1)\n```\n'
    expect(render(code)).toMatch(/<pre class="shiki.*<span style=/s)
    const forSearch = '<pre><code>const a: Map&lt;string, number&gt; = of(1)\n</code></pre>'
    expect(render(code, { isForSearch: true })).toContain(forSearch)
  })
})
