import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { defineConfig, type DefaultTheme, type UserConfig } from 'vitepress'
import { contentsOf } from './contents.ts'
import { githubSlug } from './github-slug.ts'
import { forTheSite } from './markdown.ts'
import { notOnTheSite, repository, sitePath } from './site-paths.ts'

interface Manifest {
  readonly version: string
  readonly repository?: { readonly url: string }
}

const manifest = JSON.parse(readFileSync(join(repository, 'packages/tideway/package.json'), 'utf8')) as Manifest
/** The address of the repository, once the package has one: `https://github.com/OWNER/NAME`. */
const address = manifest.repository?.url.replace(/^git\+|\.git$/g, '')

function editLink(text: string): DefaultTheme.Config {
  return address === undefined ? {} : { editLink: { pattern: `${address}/edit/main/:path`, text } }
}

const korean = {
  label: '한국어',
  lang: 'ko',
  link: '/ko/',
  description: '클라이언트가 메시지를 놓치지 않는, Node와 TypeScript를 위한 WebSocket 프레임워크이자 서버',
  themeConfig: {
    nav: [
      { text: '튜토리얼', link: '/ko/tutorial/1-first-consumer' },
      { text: '쿡북', link: '/ko/cookbook' },
      { text: '가이드', link: '/ko/contents' },
      { text: '레퍼런스', link: '/reference/api' },
    ],
    sidebar: contentsOf('docs/ko/README.md'),
    outline: { level: [2, 3], label: '이 페이지에서' },
    docFooter: { prev: '이전', next: '다음' },
    darkModeSwitchLabel: '화면 모드',
    sidebarMenuLabel: '메뉴',
    returnToTopLabel: '맨 위로',
    langMenuLabel: '언어',
    ...editLink('이 페이지 편집'),
  } satisfies DefaultTheme.Config,
}

// Written by generate-reference.ts: one page a module.
const fromTheCode = contentsOf('docs/reference/api/README.md').map(({ items = [] }) => ({
  text: 'Reference from the code',
  collapsed: true,
  items,
}))

const site: UserConfig<DefaultTheme.Config> = defineConfig({
  title: 'tideway',
  description: 'A WebSocket framework and server for Node and TypeScript whose clients miss no message',
  // The pages link to README, CONTRIBUTING and the examples, so the site is made of the whole repository.
  srcDir: '..',
  srcExclude: [...notOnTheSite],
  rewrites: sitePath,
  outDir: '.vitepress/dist',
  cacheDir: '.vitepress/cache',
  cleanUrls: true,
  ignoreDeadLinks: 'localhostLinks',
  head: [
    [
      'link',
      {
        rel: 'icon',
        href: 'data:image/svg+xml,%3Csvg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"%3E%3Cpath d="M3 13q6.5-8 13 0t13 0M3 22q6.5-8 13 0t13 0" fill="none" stroke="%230c7a9b" stroke-width="4" stroke-linecap="round"/%3E%3C/svg%3E',
      },
    ],
  ],
  markdown: {
    anchor: { slugify: githubSlug },
    // `{#anchor}` is no Markdown of the repository.
    attrs: { disable: true },
    config: forTheSite,
  },
  themeConfig: {
    nav: [
      { text: 'Tutorial', link: '/tutorial/1-first-consumer' },
      { text: 'Cookbook', link: '/cookbook' },
      { text: 'Guides', link: '/contents' },
      { text: 'Reference', link: '/reference/api' },
      {
        text: manifest.version,
        items: [
          { text: 'Changelog', link: '/changelog' },
          { text: 'Contributing', link: '/contributing' },
        ],
      },
    ],
    ...(address === undefined ? {} : { socialLinks: [{ icon: 'github', link: address }] }),
    ...editLink('Edit this page'),
    sidebar: [...contentsOf('docs/README.md'), ...fromTheCode],
    outline: { level: [2, 3] },
    search: {
      provider: 'local',
      options: {
        // Colouring the code of all pages again would be a third of the build.
        _render: (source, env, md) => md.render(source, { ...(env as object), isForSearch: true }),
        locales: {
          ko: {
            translations: {
              button: { buttonText: '검색', buttonAriaLabel: '검색' },
              modal: {
                displayDetails: '자세히 보기',
                resetButtonTitle: '지우기',
                backButtonTitle: '닫기',
                noResultsText: '결과가 없습니다:',
                footer: { selectText: '선택', navigateText: '이동', closeText: '닫기' },
              },
            },
          },
        },
      },
    },
  },
  locales: {
    root: { label: 'English', lang: 'en' },
    ...(existsSync(join(repository, 'docs/ko/README.md')) ? { ko: korean } : {}),
  },
})

export default site
