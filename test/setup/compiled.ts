import { relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { buildSync } from 'esbuild'

import { bundledPrograms } from './bundle-packages.ts'
import { writeWhole } from './write-whole.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))

/**
 * The compiled `tideway`, which the global set-up keeps up to date. Plain Node starts it in half of the processor time of
 * the sources (0.55 s instead of 1.07 s): they need a thread that transforms modules.
 */
export const compiledTideway = `${root}packages/tideway/bin/tideway.js`

/** The command of the bundled `tideway`, for programs of {@link compileProgram}. */
export const bundledTideway = `${bundledPrograms}node_modules/tideway/bin/tideway.js`

/** The application of the chat for {@link bundledTideway}. */
export const bundledChat = `${bundledPrograms}node_modules/@tideway/example-chat/dist/application.js`

const compiled = new Map<string, string>()

/**
 * Compiles a program of the tests, with the files that it imports by relative paths, into one JavaScript file, and returns
 * its path. The program imports packages by their names, and so runs with the bundled ones. It must not import a module that
 * imports the compiled packages: they would be loaded twice.
 * @throws Error if a relative import leads into the sources of a package: their modules would be loaded twice.
 */
export function compileProgram(file: URL): string {
  const path = fileURLToPath(file)
  let outfile = compiled.get(path)
  if (outfile === undefined) compiled.set(path, (outfile = compile(path)))
  return outfile
}

/** The command to run in or for these paths: the bundled one if one of them belongs to a program of {@link compileProgram}. */
export function tidewayFor(paths: readonly string[]): string {
  return paths.some((path) => path.startsWith(bundledPrograms)) ? bundledTideway : compiledTideway
}

function compile(path: string): string {
  const outfile = `${bundledPrograms}${relative(root, path).replace(/\.ts$/, '.js')}`
  const { outputFiles, metafile } = buildSync({
    absWorkingDir: root,
    entryPoints: [path],
    outfile,
    bundle: true,
    packages: 'external',
    platform: 'node',
    format: 'esm',
    target: 'node20',
    metafile: true,
    write: false,
    logLevel: 'error',
  })
  const source = Object.keys(metafile.inputs).find((input) => /^packages\/\w+\/src\//.test(input))
  if (source !== undefined) throw new Error(`${path} imports ${source}: import it by the name of its package.`)
  writeWhole(outfile, outputFiles[0]!.contents)
  return outfile
}
