import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path/posix'
import { fileURLToPath } from 'node:url'

/** The folder of the repository. */
export const repository: string = fileURLToPath(new URL('../..', import.meta.url))

/** Globs of files in the repository that are not pages of the site. */
export const notOnTheSite: readonly string[] = ['test/**', 'packages/*/{src,test}/**', 'bench/**']

/** Pages whose place on the site does not follow from their place in the repository. */
const places: Readonly<Record<string, string>> = {
  'README.md': 'about.md',
  'README.ko.md': 'ko/about.md',
  'CHANGELOG.md': 'changelog.md',
  'CONTRIBUTING.md': 'contributing.md',
  'SECURITY.md': 'reporting-vulnerabilities.md',
  'docs/README.md': 'contents.md',
  'docs/ko/README.md': 'ko/contents.md',
}

/** Where the site has a page of the repository: `docs/guides/server.md` is `guides/server.md`. */
export function sitePath(page: string): string {
  return places[page] ?? page.replace(/^docs\//, '').replace(/\/README\.md$/, '.md')
}

/**
 * Where a relative link of a page leads on the site, with its anchor: `/guides/server.md#stopping`. `undefined` for files
 * that are only in the repository.
 */
export function siteLink(page: string, href: string): string | undefined {
  const [path = '', anchor] = href.split('#')
  const target = path === '' ? page : join(dirname(page), decodeURIComponent(path))
  if (!target.endsWith('.md') || target.startsWith('bench/') || !existsSync(join(repository, target))) return undefined
  return `/${sitePath(target)}${anchor === undefined ? '' : `#${anchor}`}`
}
