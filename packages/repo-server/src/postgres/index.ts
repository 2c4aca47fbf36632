export { LIVE_SET } from './schema.ts'
export { openRepoServerStore, type PostgresRepoServerStore } from './store.ts'
