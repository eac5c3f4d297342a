import { site } from './site.ts'

const app = await site()
await app.listen(Number(process.env['PORT'] ?? 8000), '127.0.0.1')
console.log(`Listening on ${await app.getUrl()}`)
