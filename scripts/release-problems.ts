/** The parts of a release. */
export interface Release {
  /** The tag of git: `v1.2.3`. */
  readonly tag: string
  /** The manifests of the published packages. */
  readonly manifests: readonly ReleasedManifest[]
  readonly changelog: string
}

/** The fields of a package.json that a release is compared with. */
export interface ReleasedManifest {
  readonly name: string
  readonly version: string
  readonly private?: boolean
  readonly peerDependencies?: Readonly<Record<string, string>>
}

/** Returns the problems of a release, one sentence each. */
export function releaseProblems({ tag, manifests, changelog }: Release): string[] {
  const version = tag.replace(/^v/, '')
  const problems: string[] = []
  if (!/^v\d+\.\d+\.\d+(-[0-9a-z.-]+)?$/.test(tag)) problems.push(`${tag} is no tag of a version, such as v1.2.3`)
  for (const { name, version: own, private: isPrivate, peerDependencies = {} } of manifests) {
    if (own !== version) problems.push(`${name} is of version ${own}, and the tag says ${version}`)
    if (isPrivate === true) problems.push(`${name} is private`)
    const wanted = peerDependencies['tideway']
    if (wanted !== undefined && wanted !== version) problems.push(`${name} wants tideway ${wanted}, and not ${version}`)
  }
  if (!changelog.split('\n').some((line) => isHeadingOf(line, version))) {
    problems.push(`CHANGELOG.md has no heading "## ${version} - YYYY-MM-DD"`)
  }
  return problems
}

function isHeadingOf(line: string, version: string): boolean {
  const start = `## ${version} - `
  return line.startsWith(start) && /^\d{4}-\d\d-\d\d$/.test(line.slice(start.length))
}
