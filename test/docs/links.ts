import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path/posix'
import { githubSlug } from '../../docs/.vitepress/github-slug.ts'
import { read, root } from '../architecture/source-files.ts'

/** What of a page is text: without blocks of code, and without code in lines. */
function withoutCode(markdown: string): string {
  return markdown.replaceAll(/^( *)```[\s\S]*?^\1```/gm, '').replaceAll(/`[^`\n]*`/g, '')
}

/** Where the links and pictures of a page lead, as they are written there. */
export function linksOf(markdown: string): string[] {
  const text = withoutCode(markdown)
  const inline = text.matchAll(/\]\(<?([^)\s>]*)>?(?:\s+"[^"]*")?\)/g)
  const references = text.matchAll(/^\[[^\]]+\]: +(\S+)/gm)
  const html = text.matchAll(/\b(?:href|src|srcset)="([^"]*)"/g)
  return [...inline, ...references, ...html].map(([, target]) => target!)
}

/** The anchors of a page: those of its headings, a second one of the same name with `-1`, and those written as HTML. */
export function anchorsOf(markdown: string): Set<string> {
  const text = markdown.replaceAll(/^( *)```[\s\S]*?^\1```/gm, '')
  const anchors = new Set([...text.matchAll(/\b(?:id|name)="([^"]+)"/g)].map(([, id]) => id!))
  const seen = new Map<string, number>()
  for (const [, heading] of text.matchAll(/^#{1,6} +(.*?)[ #]*$/gm)) {
    // A link in a heading counts as its text.
    const slug = githubSlug(heading!.replaceAll(/\[([^\]]*)\]\([^)]*\)/g, '$1'))
    const count = seen.get(slug) ?? 0
    seen.set(slug, count + 1)
    anchors.add(count === 0 ? slug : `${slug}-${count}`)
  }
  return anchors
}

/** What is wrong with a link of a page, if anything. Links to other sites are only parsed. */
export function problemOf(page: string, target: string): string | undefined {
  if (/^[a-z][a-z+.-]*:/i.test(target)) return problemOfUrl(target)
  const [path = '', anchor] = target.split('#')
  const file = path === '' ? page : join(dirname(page), decodeURIComponent(path))
  if (target.startsWith('/')) return `${target} begins at the root of a site: write it relative to the page`
  if (file.startsWith('../')) return `${target} leads out of the repository`
  if (!existsSync(join(root, file))) return `${target} leads to nothing`
  if (anchor === undefined || (file.endsWith('.md') && anchorsOf(read(file)).has(anchor))) return undefined
  return `${target}: no heading of ${file} has the anchor ${anchor}`
}

function problemOfUrl(target: string): string | undefined {
  if (!URL.canParse(target)) return `${target} is no URL`
  const { protocol, hostname } = new URL(target)
  if (!['http:', 'https:', 'mailto:'].includes(protocol)) return `${target} is of no kind that a page links to`
  return protocol === 'http:' && hostname !== 'localhost' ? `${target} should be https` : undefined
}
