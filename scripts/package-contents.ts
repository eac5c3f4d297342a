/** The fields of a package.json that determine the contents of a package. */
export interface Manifest {
  readonly name: string
  readonly version: string
  readonly exports: Readonly<Record<string, string | Readonly<Record<string, string>>>>
  readonly bin?: Readonly<Record<string, string>>
  readonly dependencies?: Readonly<Record<string, string>>
  readonly peerDependencies?: Readonly<Record<string, string>>
}

/** The files that a published package may contain. */
const EXPECTED: readonly RegExp[] = [
  /^(package\.json|README\.md|LICENSE)$/,
  /^bin\/[a-z-]+\.js$/,
  /^pages\/[a-z-]+\.html$/,
  /^dist\/([a-z0-9-]+\/)*[a-z0-9-]+(\.min)?(\.d\.ts|\.js)(\.map)?$/,
  /^src\/([a-z0-9-]+\/)*[a-z0-9-]+\.ts$/,
]

/** The template of `tideway init`: an application with its tests. */
const TEMPLATE = /^templates\/[a-z]+\/([a-z0-9-]+\/)*[A-Za-z0-9.-]+$/

const TESTS = /(^|\/)(tests?|fixtures?)\/|\.test\./

/** Returns the problems of the files of a package, one sentence each. */
export function contentProblems(files: readonly string[], manifest: Manifest): string[] {
  const held = new Set(files)
  const problems: string[] = []
  for (const file of files) {
    if (TEMPLATE.test(file)) continue
    if (TESTS.test(file)) problems.push(`${file} is a test`)
    else if (!EXPECTED.some((pattern) => pattern.test(file))) problems.push(`${file} is nothing to publish`)
  }
  for (const file of ['package.json', 'README.md', 'LICENSE', ...targetsOf(manifest)]) {
    if (!held.has(file)) problems.push(`${file} is missing`)
  }
  for (const source of files.filter((file) => file.startsWith('src/'))) {
    const built = source.replace(/^src\//, 'dist/').replace(/\.ts$/, '')
    for (const end of ['.js', '.js.map', '.d.ts', '.d.ts.map']) {
      if (!held.has(built + end)) problems.push(`${built}${end} is missing: ${source} is not built`)
    }
  }
  // A bundle has no source of its name. It is a whole entry point, or ends in `.min.js`.
  const isBundle = (file: string): boolean =>
    file.endsWith('.min.js') || Object.values(manifest.exports).includes(`./${file}`)
  for (const built of files.filter((file) => /^dist\/.*\.js$/.test(file) && !isBundle(file))) {
    const source = built.replace(/^dist\//, 'src/').replace(/\.js$/, '.ts')
    if (!held.has(source))
      problems.push(`${built} is left over: there is no ${source}, so remove dist/ and build again`)
  }
  return problems
}

/** Every file that the `exports` and the `bin` of a package lead to, without the leading `./`. */
export function targetsOf({ exports, bin = {} }: Manifest): string[] {
  const targets = Object.values(exports).flatMap((target) =>
    typeof target === 'string' ? [target] : Object.values(target),
  )
  return [...new Set([...targets, ...Object.values(bin)])].map((target) => target.replace(/^\.\//, ''))
}
