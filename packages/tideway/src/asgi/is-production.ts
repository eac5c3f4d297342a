/** Whether `NODE_ENV` is `production`: errors then tell a client less, and defaults are strict. */
export function isProduction(): boolean {
  return process.env['NODE_ENV'] === 'production'
}
