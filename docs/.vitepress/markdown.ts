import { relative } from 'node:path'
import type { MarkdownRenderer } from 'vitepress'
import { drawFlowchart } from './diagrams.ts'
import { repository, siteLink } from './site-paths.ts'

interface PageEnvironment {
  readonly path: string
  /** Where the page is in the repository, if that is not `path`. */
  readonly realPath?: string
  /** Whether the page is rendered for the search, which needs the words of code and no colours. */
  readonly isForSearch?: boolean
}

type Token = ReturnType<MarkdownRenderer['parse']>[number]

// Not an anchor alone: VitePress splits a page at `href="#` when it writes the search index.
const RELATIVE = /^(?![a-z][a-z+.-]*:|\/|#)/i
const CUT_FROM = /(?:^| )file=(\S+)/

/** Converts pages of the repository to pages of the site. */
export function forTheSite(md: MarkdownRenderer): void {
  md.core.ruler.push('links-of-the-repository', ({ tokens, env }) => {
    const { path, realPath } = env as PageEnvironment
    const page = relative(repository, realPath ?? path)
    for (const { children } of tokens) {
      for (const token of children ?? []) {
        const href = token.type === 'link_open' ? token.attrGet('href') : null
        if (href === null || !RELATIVE.test(href)) continue
        const link = siteLink(page, href)
        if (link === undefined) unlink(children!, token)
        else token.attrSet('href', link)
      }
    }
  })

  // Above a block that is a file stands its name, as the reader has it: without the folder that it is kept in here.
  const fence = md.renderer.rules.fence!
  md.renderer.rules.fence = (tokens, index, options, env, self) => {
    const token = tokens[index]!
    if (token.info === 'mermaid') return drawFlowchart(token.content)
    if ((env as PageEnvironment).isForSearch) return `<pre><code>${md.utils.escapeHtml(token.content)}</code></pre>`
    const file = CUT_FROM.exec(token.info)?.[1]?.replace(
      /^(?:examples\/cookbook|(?:examples\/tutorial|test\/docs)\/[^/]+)\//,
      '',
    )
    // Digits behind the language would be lines to highlight.
    token.info = token.info.split(' ')[0]!
    const block = fence(tokens, index, options, env, self)
    return file === undefined ? block : `<div class="file-name">${file}</div>${block}`
  }
  // An indented block has the same look: VitePress gives a bare `<pre>` no scroll bar, so that it is wider than a phone.
  md.renderer.rules.code_block = (...args) => fence(...args)
}

/** The link leads to a file that is only in the repository: only its text remains. */
function unlink(tokens: readonly Token[], open: Token): void {
  const close = tokens.slice(tokens.indexOf(open)).find(({ type }) => type === 'link_close')!
  for (const [token, html] of [
    [open, '<span title="A file of the repository">'],
    [close, '</span>'],
  ] as const) {
    token.type = 'html_inline'
    token.content = html
  }
}
