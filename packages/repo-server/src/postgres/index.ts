export { LIVE_SET } from './schema.ts'
export { openRepoServerStore, STORE_SCHEMA, type PostgresRepoServerStore } from './store.ts'
