import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'

import { packageFolders } from '../scripts/packed-packages.ts'
import { releaseProblems, type Release } from '../scripts/release-problems.ts'
import { read } from './architecture/source-files.ts'

describe('the check of a release', () => {
  const release: Release = {
    tag: 'v1.2.3',
    manifests: [
      { name: 'tideway', version: '1.2.3' },
      { name: '@tideway/redis', version: '1.2.3', peerDependencies: { tideway: '1.2.3' } },
    ],
    changelog: '# Changelog\n\n## 1.2.3 - 2026-11-23\n\n- Something.\n',
  }

  it('accepts a tag of the current versions', () => {
    expect(releaseProblems(release)).toEqual([])
  })

  it.each<[Partial<Release>, string]>([
    [{ tag: 'v1.2' }, 'v1.2 is no tag of a version, such as v1.2.3'],
    [{ tag: 'v1.2.4' }, 'tideway is of version 1.2.3, and the tag says 1.2.4'],
    [{ manifests: [{ name: 'secret', version: '1.2.3', private: true }] }, 'secret is private'],
    [
      { manifests: [{ name: 'redis', version: '1.2.3', peerDependencies: { tideway: '1.2.2' } }] },
      'redis wants tideway 1.2.2, and not 1.2.3',
    ],
    [{ changelog: '## Unreleased (1.2.3)\n' }, 'CHANGELOG.md has no heading "## 1.2.3 - YYYY-MM-DD"'],
  ])('finds what is wrong with %j', (change, problem) => {
    expect(releaseProblems({ ...release, ...change })).toContain(problem)
  })
})

/** What the tests read of a job. */
interface Job {
  readonly permissions?: Readonly<Record<string, string>>
  readonly steps: readonly { readonly uses?: string; readonly run?: string }[]
}

function commandsOf({ steps }: Job): string {
  return steps.map(({ run = '' }) => run).join('\n')
}

describe('the workflows', () => {
  const ci = read('.github/workflows/ci.yml')
  const release = read('.github/workflows/release.yml')
  const { jobs } = parse(release) as { readonly jobs: Readonly<Record<'check' | 'pack' | 'publish', Job>> }

  it('run all checks, on the oldest supported Node and on later ones', () => {
    const { engines } = JSON.parse(read('package.json')) as { readonly engines: { readonly node: string } }
    const oldest = /^>=(\d+)\./.exec(engines.node)![1]
    expect(ci).toContain(`node: [${oldest}, 22, 24]`)
    for (const workflow of [ci, release]) expect(workflow).toContain('- run: .ci/run\n')
  })

  it('pack every package, and publish tideway before its dependents', () => {
    const { pack, publish } = jobs
    expect(commandsOf(pack)).toContain(`for folder in ${packageFolders.join(' ')}; do`)
    const tarballs = packageFolders.map((folder) => {
      const { name } = JSON.parse(read(`${folder}/package.json`)) as { readonly name: string }
      return name === 'tideway' ? 'packed/tideway-[0-9]*.tgz' : `packed/${name.slice(1).replace('/', '-')}-*.tgz`
    })
    expect(commandsOf(publish)).toContain(`for tarball in ${tarballs.join(' ')}; do`)
    expect(commandsOf(publish)).toContain('npm publish "./$tarball" --provenance --access public --ignore-scripts')
  })

  it('give one job the publishing token: it checks nothing out, installs no dependency and runs no script', () => {
    const mayPublish = Object.entries(jobs).filter(([, { permissions }]) => permissions?.['id-token'] === 'write')
    expect(mayPublish.map(([name]) => name)).toEqual(['publish'])
    expect(parse(release)).toMatchObject({ permissions: { contents: 'read' } })
    const { publish } = jobs
    expect(publish).toMatchObject({ needs: 'pack', environment: 'npm', permissions: { 'id-token': 'write' } })
    expect(publish.steps.filter(({ uses }) => uses?.startsWith('actions/checkout'))).toEqual([])
    expect(commandsOf(publish)).not.toMatch(/npm (?:ci|run)|tsx|node /)
    for (const [line] of commandsOf(publish).matchAll(/npm (?:install|publish).*/g))
      expect(line).toContain('--ignore-scripts')
    expect(release).not.toMatch(/secrets\./)
  })

  it('pin the actions of a release by commit, and npm by version', () => {
    const used = Object.values(jobs).flatMap(({ steps }) => steps.flatMap(({ uses = [] }) => uses))
    expect(used.length).toBeGreaterThan(4)
    for (const action of used) expect(action).toMatch(/@[0-9a-f]{40}$/)
    for (const [line] of release.matchAll(/uses: .*/g)) expect(line).toMatch(/ # v\d+\.\d+\.\d+$/)
    expect(commandsOf(jobs.publish)).toMatch(/npm@\d+\.\d+\.\d+$/m)
  })
})
