import { defineConfig } from 'vite'

/** The server of the WebSockets: tideway serve application.ts */
const target = process.env['TIDEWAY_URL'] ?? 'http://localhost:8000'

export default defineConfig({
  // The proxy keeps the header Host of the page, so the origin check accepts the page without an entry for it.
  server: { proxy: { '/ws/': { target, ws: true } } },
})
