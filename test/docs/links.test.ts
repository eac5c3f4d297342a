import { readdirSync } from 'node:fs'
import type { DefaultTheme } from 'vitepress'
import { describe, expect, it } from 'vitest'
import { contentsOf } from '../../docs/.vitepress/contents.ts'
import { siteLink, sitePath } from '../../docs/.vitepress/site-paths.ts'
import { filesBelow, read, root } from '../architecture/source-files.ts'
import { anchorsOf, linksOf, problemOf } from './links.ts'

/** The start pages of the site are no pages of the repository: they are made of settings. */
const START_PAGES = ['docs/index.md', 'docs/ko/index.md']

const top = readdirSync(root, { withFileTypes: true })
const folders = top.filter((entry) => entry.isDirectory() && !/^(\.git|\.?node_modules|\.ci)$/.test(entry.name))
const below = filesBelow(
  folders.map(({ name }) => name),
  /\.md$/,
)
const atTheTop = top.filter(({ name }) => name.endsWith('.md')).map(({ name }) => name)

describe('every page', () => {
  it.each([...below, ...atTheTop])('%s links to existing targets', (page) => {
    expect(linksOf(read(page)).flatMap((target) => problemOf(page, target) ?? [])).toEqual([])
  })

  it.each(['docs/ko/', 'docs/'])('of %s is on the list of its README.md', (folder) => {
    const targets = linksOf(read(`${folder}README.md`))
    const pages = below.filter((page) => page.startsWith(folder) && !START_PAGES.includes(page))
    const unlisted = pages.filter(
      (page) => page !== `${folder}README.md` && !targets.includes(page.replace(folder, '')),
    )
    expect(unlisted.filter((page) => folder === 'docs/ko/' || !page.startsWith('docs/ko/'))).toEqual([])
  })
})

describe('the test of links', () => {
  it.each([
    ['nothing.md', 'leads to nothing'],
    ['guides/server.md#nowhere', 'no heading of docs/guides/server.md'],
    ['#nowhere', 'no heading of docs/README.md'],
    ['/guides/server.md', 'begins at the root'],
    ['../../elsewhere.md', 'out of the repository'],
    ['https://', 'no URL'],
    ['http://example.com/', 'https'],
    ['javascript:alert(1)', 'of no kind'],
  ])('finds fault with %s', (target, problem) => {
    expect(problemOf('docs/README.md', target)).toContain(problem)
  })

  it.each(['guides/server.md', '#build', '../README.md#try-it', 'https://example.com/', 'images/chat.png'])(
    'lets %s pass',
    (target) => expect(problemOf('docs/README.md', target)).toBeUndefined(),
  )

  it('finds links, pictures, references and HTML, except in code', () => {
    const page = '[a](a.md) ![b](b.png "B") `[no](no.md)`\n\n[c]: c.md\n<img src="d.png">\n\n```md\n[no](no.md)\n```\n'
    expect(linksOf(page)).toEqual(['a.md', 'b.png', 'c.md', 'd.png'])
  })

  it('computes the anchors of GitHub', () => {
    const page = "# `ERR_NO_ROUTE`\n## What's new, and 한국어?\n## Same\n## Same\n```\n# no\n```\n"
    expect([...anchorsOf(page)]).toEqual(['err_no_route', 'whats-new-and-한국어', 'same', 'same-1'])
  })
})

describe('the site', () => {
  it('has every page of docs/README.md in its side bar, in that order', () => {
    const listed = [...read('docs/README.md').matchAll(/^(?:-|\d+\.) \[[^\]]+\]\(([^)]+)\)/gm)].map(
      ([, target]) => target!,
    )
    const linksBelow = ({ link, items = [] }: DefaultTheme.SidebarItem): string[] => [
      ...(link === undefined ? [] : [link]),
      ...items.flatMap(linksBelow),
    ]
    const sideBar = contentsOf('docs/README.md').flatMap(linksBelow)
    expect(sideBar).toEqual(listed.map((target) => siteLink('docs/README.md', target)))
    expect(sideBar.length).toBeGreaterThan(15)
  })

  it('has no two pages in one place', () => {
    const places = [...below, ...atTheTop].filter((page) => !page.startsWith('test/')).map(sitePath)
    expect(places.length).toBe(new Set(places).size)
  })

  it('leads from page to page as the repository does, and not to files that it does not have', () => {
    expect(siteLink('docs/guides/server.md', '../reference/cli.md#flags')).toBe('/reference/cli.md#flags')
    expect(siteLink('docs/guides/server.md', '../../CONTRIBUTING.md')).toBe('/contributing.md')
    expect(siteLink('docs/ko/README.md', '../README.md')).toBe('/contents.md')
    expect(siteLink('README.md', 'docs/README.md')).toBe('/contents.md')
    expect(siteLink('README.md', 'LICENSE')).toBeUndefined()
  })
})
