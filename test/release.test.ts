import { describe, expect, it } from 'vitest'

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

  it('finds nothing wrong with a tag of the versions that are there', () => {
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

describe('the workflows', () => {
  const ci = read('.github/workflows/ci.yml')
  const publish = read('.github/workflows/release.yml')

  it('run everything that has to hold, on the oldest Node that will do and on later ones', () => {
    const { engines } = JSON.parse(read('package.json')) as { readonly engines: { readonly node: string } }
    const oldest = /^>=(\d+)\./.exec(engines.node)![1]
    expect(ci).toContain(`node: [${oldest}, 22, 24]`)
    for (const workflow of [ci, publish]) expect(workflow).toContain('- run: .ci/run\n')
  })

  it('publish every package, tideway before those that name it, and say where it comes from', () => {
    const order = `for folder in ${packageFolders.join(' ')}; do`
    expect(publish.split(order)).toHaveLength(3)
    expect(publish).toContain('npm publish "./$folder" --provenance --access public')
    expect(publish).toContain('id-token: write')
    expect(publish).not.toMatch(/secrets\./)
  })
})
