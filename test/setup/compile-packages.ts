import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const root = fileURLToPath(new URL('../..', import.meta.url))
const tsc = `${root}node_modules/typescript/bin/tsc`

/** Later than the second in which `tsc -b` finds that nothing has changed. */
const NOTICE_AFTER_MS = 4000

/** Compiles the packages and the chat, which processes of the tests run. @throws Error with what `tsc` prints if they do not compile */
export async function compilePackages(): Promise<void> {
  const notice = setTimeout(() => process.stdout.write('Compiling the packages, which tests start.\n'), NOTICE_AFTER_MS)
  try {
    // The chat refers to every package.
    await promisify(execFile)(process.execPath, [tsc, '-b', 'examples/chat'], { cwd: root })
  } catch (error) {
    const { stdout = '' } = error as { readonly stdout?: string }
    throw new Error(`The packages do not compile:\n${stdout}`, { cause: error })
  } finally {
    clearTimeout(notice)
  }
}
