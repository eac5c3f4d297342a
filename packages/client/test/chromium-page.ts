import { build } from 'esbuild'
import { chromium, type Browser } from 'playwright-core'

/** Starts a Chromium without background connections. */
export function launchChromium(executablePath: string): Promise<Browser> {
  return chromium.launch({
    executablePath,
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
    // Playwright turns the back/forward cache off: here it is what is tested.
    ignoreDefaultArgs: ['--disable-back-forward-cache'],
  })
}

/** A script that puts the exports of the module on `globalThis.suite`. */
export async function bundle(file: URL): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [file.pathname],
    bundle: true,
    write: false,
    format: 'iife',
    globalName: 'suite',
    target: 'es2022',
    conditions: ['@tideway/source'],
    define: { 'process.env.NODE_ENV': '"development"' },
    // Only `sharedWorker: true` needs it, and these pages give the URL of the script.
    logOverride: { 'empty-import-meta': 'silent' },
  })
  return `${outputFiles[0]?.text ?? ''}\nglobalThis.suite = suite`
}
