import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { DefaultTheme } from 'vitepress'
import { repository, siteLink } from './site-paths.ts'

// docs/README.md lists every page, as a test checks. So the side bar uses that list, and there is no second one to update.

const HEADING = /^(##|###) (.*)$/
const PAGE = /^(?:-|\d+\.) \[([^\]]+)\]\(([^)]+\.md)\)/

interface Section extends DefaultTheme.SidebarItem {
  readonly items: DefaultTheme.SidebarItem[]
}

/**
 * The sections and pages that a list such as docs/README.md has; none if the list is not there. A `##` is a group of the side bar,
 * and a `###` a group in it that opens on a click, or on a page of it.
 */
export function contentsOf(list: string): DefaultTheme.SidebarItem[] {
  const path = join(repository, list)
  if (!existsSync(path)) return []
  const sections: Section[] = []
  let current: Section | undefined
  for (const line of readFileSync(path, 'utf8').split('\n')) {
    const [, level, text] = HEADING.exec(line) ?? []
    if (level === '##') {
      current = { text: text!, items: [] }
      sections.push(current)
    } else if (level === '###') {
      current = { text: text!, collapsed: true, items: [] }
      sections.at(-1)?.items.push(current)
    }
    const page = PAGE.exec(line)
    const link = page === null ? undefined : siteLink(list, page[2]!)
    if (link !== undefined) current?.items.push({ text: page![1]!.replaceAll('`', ''), link })
  }
  return sections.filter(({ items }) => items.length > 0)
}
