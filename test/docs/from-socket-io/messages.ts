export type FromClient = { type: 'say'; message: string }
export type FromServer = { type: 'joined' | 'left'; id: string } | { type: 'said'; message: string }
