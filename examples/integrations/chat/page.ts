import { readFile } from 'node:fs/promises'

/** The one page of all these chats. */
export const page: string = await readFile(new URL('page.html', import.meta.url), 'utf8')
