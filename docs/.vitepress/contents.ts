import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { DefaultTheme } from 'vitepress'
import { repository, siteLink } from './site-paths.ts'

// docs/README.md lists every page, as a test checks. So the side bar uses that list, and there is no second one to update.

const SECTION = /^## (.*)$/
const PAGE = /^(?:-|\d+\.) \[([^\]]+)\]\(([^)]+\.md)\)/

/** The sections and pages that a list such as docs/README.md has; none if the list is not there. */
export function contentsOf(list: string): DefaultTheme.SidebarItem[] {
  const path = join(repository, list)
  if (!existsSync(path)) return []
  const sections: { text: string; items: DefaultTheme.SidebarItem[] }[] = []
  for (const line of readFileSync(path, 'utf8').split('\n')) {
    const section = SECTION.exec(line)
    if (section !== null) sections.push({ text: section[1]!, items: [] })
    const page = PAGE.exec(line)
    const link = page === null ? undefined : siteLink(list, page[2]!)
    if (link !== undefined) sections.at(-1)?.items.push({ text: page![1]!.replaceAll('`', ''), link })
  }
  return sections.filter(({ items }) => items.length > 0)
}
