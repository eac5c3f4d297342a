// Checks the packages as npm would publish them: packs each and looks at the tarball, by its files, with publint, with
// attw, and by importing and type-checking every entry point as an installed package.
//   npm run packages:check

import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

import { publint } from 'publint'
import { formatMessage } from 'publint/utils'

import { contentProblems } from './package-contents.ts'
import { buildPackages, install, pack, packageFolders, root, type Packed } from './packed-packages.ts'

const run = promisify(execFile)

async function publintProblems({ manifest }: Packed, modules: string): Promise<string[]> {
  const { messages, pkg } = await publint({ pkgDir: join(modules, manifest.name), pack: false, strict: true })
  return messages.map((message) => `publint: ${formatMessage(message, pkg) ?? message.code}`)
}

async function attwProblems({ manifest, tarball }: Packed): Promise<string[]> {
  // `require()` loads ESM on every supported Node. All resolutions have to find the types, also the old `node10`.
  const rules = ['--profile', 'strict', '--ignore-rules', 'cjs-resolves-to-esm']
  const programs = Object.keys(manifest.exports).filter((entry) => entry.endsWith('.js'))
  const without = programs.flatMap((entry) => ['--exclude-entrypoints', entry.slice(2)])
  const args = [...rules, ...without, '--format', 'ascii', '--no-emoji', '--no-color', tarball]
  return failureOf('attw', join(root, 'node_modules/.bin/attw'), args, root)
}

/** The programs in the READMEs of the packages, to be type-checked. */
async function readmePrograms(packages: readonly Packed[], modules: string): Promise<string[]> {
  const texts = packages.map(({ manifest }) => readFile(join(modules, manifest.name, 'README.md'), 'utf8'))
  return (await Promise.all(texts)).flatMap((text) =>
    [...text.matchAll(/```ts\n([\s\S]*?)```/g)].map(([, code]) => code!),
  )
}

/** Imports every entry point with Node, and has TypeScript check that program and those of the READMEs. */
async function installedProblems(packages: readonly Packed[], folder: string): Promise<string[]> {
  const entries = packages.flatMap(({ manifest: { name, exports } }) =>
    Object.keys(exports)
      // Data, and a program that runs in browsers only.
      .filter((entry) => !/\.js(on)?$/.test(entry))
      .map((entry) => name + entry.slice(1)),
  )
  const imports = entries.map((entry, index) => `import * as entry${index} from '${entry}'`)
  const uses = entries.map(
    (entry, index) => `if (Object.keys(entry${index}).length === 0) throw new Error('${entry} exports nothing')`,
  )
  const program = `${[...imports, ...uses].join('\n')}\n`
  const compilerOptions = {
    target: 'es2023',
    lib: ['es2023', 'dom', 'dom.iterable', 'esnext.disposable'],
    types: ['node'],
    module: 'nodenext',
    strict: true,
    exactOptionalPropertyTypes: true,
    noEmit: true,
  }
  await writeFile(join(folder, 'package.json'), '{ "type": "module" }\n')
  await writeFile(join(folder, 'program.ts'), program)
  await writeFile(join(folder, 'program.js'), program)
  const required = entries.map((entry) => `require('${entry}')`).join('\n')
  await writeFile(join(folder, 'required.cjs'), `${required}\n`)
  await writeFile(join(folder, 'required.cts'), `${imports.join('\n')}\n${uses.join('\n')}\n`)
  const readmes = await readmePrograms(packages, join(folder, 'node_modules'))
  await Promise.all(readmes.map((code, index) => writeFile(join(folder, `readme-${index}.ts`), code)))
  await writeFile(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, include: ['*.ts'] }))
  await writeFile(join(folder, 'commonjs.json'), JSON.stringify({ extends: './tsconfig.json', include: ['*.cts'] }))
  const bins = packages.flatMap(({ manifest: { name, bin = {} } }) =>
    Object.values(bin).map((path) => join(folder, 'node_modules', name, path)),
  )
  const tsc = join(root, 'node_modules/.bin/tsc')
  const [imported, ...rest] = await Promise.all([
    failureOf('import', process.execPath, ['program.js'], folder),
    failureOf('require', process.execPath, ['required.cjs'], folder),
    failureOf('tsc', tsc, ['-p', '.'], folder),
    failureOf('tsc (CommonJS)', tsc, ['-p', 'commonjs.json'], folder),
    failureOf('tsc (node16)', tsc, ['-p', '.', '--module', 'node16', '--moduleResolution', 'node16'], folder),
    failureOf('tsc (bundler)', tsc, ['-p', '.', '--module', 'esnext', '--moduleResolution', 'bundler'], folder),
    ...bins.map((bin) => failureOf('bin', bin, ['--version'], folder)),
  ])
  return [...imported, ...rest.flat()]
}

/** The error output of a program; empty if it succeeds. */
async function failureOf(name: string, program: string, args: readonly string[], cwd: string): Promise<string[]> {
  try {
    await run(program, args, { cwd, maxBuffer: 64 * 1024 * 1024 })
    return []
  } catch (error) {
    const { stdout, stderr } = error as { stdout: string; stderr: string }
    return [`${name}: ${`${stdout}${stderr}`.trim()}`]
  }
}

const temporary = await mkdtemp(join(tmpdir(), 'tideway-packages-'))
try {
  await buildPackages()
  const packages = await Promise.all(packageFolders.map((folder) => pack(folder, temporary)))
  const installed = join(temporary, 'installed')
  const modules = join(installed, 'node_modules')
  await install(packages, modules, ['@types/node', '@types/react', 'undici-types', 'csstype'])
  const problems: string[] = []
  for (const packed of packages) {
    const { manifest, files, bytes } = packed
    const checks = [contentProblems(files, manifest), publintProblems(packed, modules), attwProblems(packed)]
    const found = (await Promise.all(checks)).flat()
    problems.push(...found.map((problem) => `${manifest.name}: ${problem}`))
    console.log(`${manifest.name} ${manifest.version}: ${files.length} files, ${Math.ceil(bytes / 1000)} kB`)
  }
  problems.push(...(await installedProblems(packages, join(temporary, 'installed'))))
  for (const problem of problems) console.error(problem)
  if (problems.length > 0) process.exitCode = 1
} finally {
  await rm(temporary, { recursive: true })
}
