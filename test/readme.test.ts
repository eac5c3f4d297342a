import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

import { build } from 'esbuild'
import { chromium } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { read, root } from './architecture/source-files.ts'
import { startProgram } from './setup/child-process.ts'
import { describeWith, programPath } from './setup/describe-with.ts'
import { compiledTideway } from './setup/compiled.ts'

describe('the programs in README.md', () => {
  const [live, page] = [...read('README.md').matchAll(/```ts.*\n([\s\S]*?)```/g)].map(([, code]) => code!)
  let folder = ''

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'tideway-readme-'))
    const compilerOptions = { rootDir: '/', noEmit: true, composite: false, incremental: false }
    const rest = {
      allowImportingTsExtensions: true,
      isolatedDeclarations: false,
      declarationMap: false,
      lib: ['es2023', 'dom'],
    }
    const tsconfig = {
      extends: join(root, 'tsconfig.base.json'),
      compilerOptions: { ...compilerOptions, ...rest, declaration: false },
    }
    await symlink(join(root, 'node_modules'), join(folder, 'node_modules'))
    await writeFile(join(folder, 'package.json'), '{ "type": "module" }')
    await writeFile(join(folder, 'tsconfig.json'), JSON.stringify(tsconfig))
    await mkdir(join(folder, 'live'))
    await writeFile(join(folder, 'live/application.ts'), live!)
    await writeFile(join(folder, 'live/page.ts'), page!)
  })

  afterAll(() => rm(folder, { recursive: true }))

  it('are those of the start page of the site', () => {
    expect(read('docs/index.md')).toContain(`\`\`\`ts\n${live}\`\`\``)
    expect(read('docs/index.md')).toContain(`\`\`\`ts\n${page}\`\`\``)
  })

  it('compile in the strict settings', async () => {
    const tsc = join(root, 'node_modules/.bin/tsc')
    const failure = await promisify(execFile)(tsc, ['-p', folder]).then(
      () => '',
      (error: { stdout: string }) => error.stdout,
    )
    expect(failure).toBe('')
  })

  async function serve(file: string): Promise<{ readonly host: string; readonly stop: () => Promise<unknown> }> {
    const server = await startProgram(process.execPath, [compiledTideway, 'serve', join(folder, file), '--port=0'], {
      cwd: root,
      ready: /http:\/\/(127\.0\.0\.1:\d+)/,
    })
    return { host: server.readyMatch![1]!, stop: server.stop }
  }

  describeWith(['headlessChromium'], 'in a browser', () => {
    it('show the message of the page, also after a reload', async () => {
      const { host, stop } = await serve('live/application.ts')
      const { outputFiles } = await build({
        entryPoints: [join(folder, 'live/page.ts')],
        bundle: true,
        format: 'esm',
        write: false,
      })
      // A page that the test fulfills has no address, so that Chromium would not let it connect to this machine.
      const args = ['--no-sandbox', '--disable-features=LocalNetworkAccessChecks']
      const browser = await chromium.launch({ executablePath: programPath('headlessChromium'), args })
      try {
        const tab = await browser.newPage()
        await tab.route(`http://${host}/`, (route) => {
          const body = `<body><script type="module">${outputFiles[0]!.text}</script>`
          return route.fulfill({ contentType: 'text/html', body })
        })
        for (const shown of ['Hello', 'HelloHello']) {
          await tab.goto(`http://${host}/`)
          await expect.poll(() => tab.locator('body').innerText()).toBe(shown)
        }
      } finally {
        await browser.close()
        await stop()
      }
    })
  })
})
